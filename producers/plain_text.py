"""Bytes to text in the encodings that Chinese offices write. Pure."""

from schemas.errors import Fault, InvalidInput

_DECLARED = frozenset({
    "gb2312", "gbk", "gb18030", "big5", "big5-hkscs", "iso-8859-1", "windows-1252", "shift_jis",
    "euc-jp", "euc-kr", "windows-1251",
})  # fmt: skip
"""What a document may say of itself; Python's registry also holds codecs that are no encodings."""


def decode(data: bytes, name: str, *, declared: str = "") -> str:
    """UTF-8, with or without mark; UTF-16 with its mark; else what the document declares; else
    GB18030. Raises InvalidInput."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", *([declared] if declared.lower() in _DECLARED else []), "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput(
        Fault(
            "encoding",
            name,
            "文字编码不是 UTF-8 或 GB18030 / neither UTF-8 nor GB18030",
            "另存为 UTF-8 再放 / save it as UTF-8",
        )
    )
