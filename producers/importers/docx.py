"""DOCX (Word, WPS): read by mammoth, which is handed nothing but a small, flat, harmless archive.

mammoth builds the whole document in memory and follows it recursively, so sizes and depth are
looked at first. Pictures come from inside the archive; what a document names elsewhere is told
and never opened.
"""

import io
import re
import zipfile
import zlib
from typing import Any
from xml.parsers import expat

import mammoth

from producers.import_contract import Enclosed, Imported, Notes
from producers.import_story import draft
from producers.markup import read_markup
from schemas.errors import Fault, InvalidInput

FORMAT = "docx"
MOST_ENTRIES = 2000
MOST_XML_BYTES = 8 * 1024**2
"""All XML parts together, unpacked: some 150 thousand characters of text fit many times over."""
MOST_PICTURE_BYTES = 40 * 1024**2
MOST_PICTURES = 40
MOST_DEPTH = 150
"""Word's own documents stay under 40."""

_ENDINGS = {"image/jpeg": "jpg", "image/jpg": "jpg", "image/png": "png", "image/gif": "gif",
            "image/webp": "webp", "image/bmp": "bmp", "image/tiff": "tif"}  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BACK = re.compile(r'<a href="#(?:foot|end)note-ref-[^"<>]{1,40}">↑</a>')
"""mammoth's way back from a note into the text."""
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='标题'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Quote'] => blockquote:fresh
p[style-name='Intense Quote'] => blockquote:fresh
p[style-name='caption'] => figcaption:fresh
p[style-name='题注'] => figcaption:fresh
u => u
"""


def fits(head: bytes, name: str) -> bool:
    """Also true of older Word and WPS files: ``read`` refuses them with advice."""
    if head.startswith(_OLE):
        return True
    named = name.lower().endswith((".docx", ".docm", ".dotx", ".wps", ".doc", ".rtf"))
    return named or (head.startswith(b"PK\x03\x04") and b"word/" in head)


def read(data: bytes, name: str) -> Imported:
    notes = Notes()
    _check(data, name)
    pictures: list[Enclosed] = []
    room = [MOST_PICTURE_BYTES]

    def keep(image: Any) -> dict[str, str]:
        ending = _ENDINGS.get(image.content_type)
        if ending is None or len(pictures) >= MOST_PICTURES:
            kind = re.sub(r"[^a-z0-9/+.-]", "", str(image.content_type))[:40]
            notes.add("left_out", f"带不走的图 ({kind}) / a drawing that is no picture file")
            return {"src": ""}
        with image.open() as source:
            data = source.read(room[0] + 1)
        room[0] -= len(data)
        if room[0] < 0:
            raise _refused(
                name, "too_large", f"图片共超过 {MOST_PICTURE_BYTES} 字节 / pictures too large"
            )
        ref = f"p{len(pictures) + 1}"
        pictures.append(Enclosed(ref, f"inside-{ref}.{ending}", data))
        return {"src": f"enclosed:{ref}"}

    try:
        made = mammoth.convert_to_html(
            io.BytesIO(data),
            convert_image=mammoth.images.img_element(keep),
            style_map=_STYLES,
            include_embedded_style_map=False,
            external_file_access=False,
        )
    except InvalidInput:
        raise
    except (KeyError, ValueError, OSError, AttributeError, TypeError, IndexError, RecursionError,
            zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, expat.ExpatError) as error:  # fmt: skip
        told = f"读不出来, 多半是坏的 ({type(error).__name__}) / cannot be read, probably broken"
        raise _refused(name, "broken", told, "用 Word 或 WPS 打开后另存 / save it anew") from error
    _tell(made.messages, data, notes)
    html = _BACK.sub("", made.value)
    return draft(FORMAT, read_markup(html, notes, enclosed=pictures), notes, enclosed=pictures)


def _check(data: bytes, name: str) -> None:
    """Raises InvalidInput before anything is unpacked that should not be."""
    if data.startswith((_OLE, b"{\\rtf")):
        told = "是老格式 (.doc、.wps、.rtf) / is an older format"
        raise _refused(name, "old_format", told, "另存为 .docx 再导入 / save it as .docx")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES:
                raise _refused(name, "too_many_parts", "压缩包里的文件太多 / too many parts inside")
            if any(entry.flag_bits & 1 for entry in entries):
                told = "有密码, 打不开 / is protected by a password"
                raise _refused(name, "password", told, "去掉密码再导入 / remove the password")
            if len({entry.filename for entry in entries}) != len(entries):
                raise _refused(name, "broken", "压缩包里有重名文件 / two parts have one name")
            parts = [e for e in entries if not _is_picture(e.filename)]
            if sum(entry.file_size for entry in parts) > MOST_XML_BYTES:
                told = f"解开后超过 {MOST_XML_BYTES} 字节 / larger than that when unpacked"
                raise _refused(
                    name, "too_large", told, "去掉嵌入的表格、对象 / remove embedded objects"
                )
            for entry in parts:
                if entry.filename.endswith((".xml", ".rels")):
                    _check_xml(archive.read(entry), name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        NotImplementedError,
        ValueError,
    ) as error:
        told = f"不是完整的 DOCX 文件 ({type(error).__name__}) / is no whole DOCX file"
        raise _refused(name, "broken", told, "用 Word 或 WPS 打开后另存 / save it anew") from error


def _check_xml(data: bytes, name: str) -> None:
    """No document type (entities live there) and no nesting that only an attacker writes."""
    depth = [0]
    parser = expat.ParserCreate()

    def begin(_tag: str, _attributes: object) -> None:
        depth[0] += 1
        if depth[0] > MOST_DEPTH:
            raise _refused(name, "too_deep", "嵌套太深 / nested too deep")

    def end(_tag: str) -> None:
        depth[0] -= 1

    def doctype(*_: object) -> None:
        raise _refused(name, "doctype", "含有文档类型声明, 不收 / holds a document type: refused")

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise _refused(name, "broken", f"XML 有错 / broken XML: {error}") from error


def _is_picture(path: str) -> bool:
    return "/media/" in path and not path.endswith((".xml", ".rels"))


def _tell(messages: list[Any], data: bytes, notes: Notes) -> None:
    for message in messages:
        text = str(message.message)
        if "external image" in text:
            told = "图片在文档之外, 没有带进来 / a picture outside the document is not fetched"
            notes.add("left_out", told)
        elif not text.startswith(("Unrecognised paragraph style", "Unrecognised run style")):
            notes.add("changed", f"Word 内容未认出 / not understood: {text[:120]}")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if any(n.endswith("/comments.xml") for n in names):
            count = archive.read(next(n for n in names if n.endswith("/comments.xml"))).count(
                b"<w:comment "
            )
            notes.add("left_out", "批注 / comments", count)
        if any("vbaProject" in n for n in names):
            notes.add("left_out", "宏 / macros")
        embedded = [n for n in names if "/embeddings/" in n]
        notes.add("left_out", "嵌入的文件 / embedded files", len(embedded))


def _refused(name: str, code: str, told: str, step: str = "") -> InvalidInput:
    return InvalidInput(Fault(code, name, told, step))
