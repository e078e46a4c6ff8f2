"""Text as it may travel: no control characters, and measured in named units."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints

_FORBIDDEN = re.compile(
    # C0 without tab and newline, DEL and C1, noncharacters, lone surrogates, bidi overrides:
    # XML 1.0 cannot carry the first ones, and the last would turn a reviewer's line around.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)


def without_controls(text: str) -> str:
    """Return ``text`` in NFC, or raise ``ValueError`` naming the first forbidden character."""
    found = _FORBIDDEN.search(text)
    if found is not None:
        code = f"U+{ord(found.group()):04X}"
        raise ValueError(
            f"第 {found.start() + 1} 个字符是控制字符 {code} / "
            f"character {found.start() + 1} is the control character {code}"
        )
    return unicodedata.normalize("NFC", text)


def without_forbidden(text: str) -> tuple[str, int]:
    """The text without the characters that may not travel, in NFC, and how many those were."""
    kept, gone = _FORBIDDEN.subn("", text)
    return unicodedata.normalize("NFC", kept), gone


def one_line(text: str) -> str:
    """Like :func:`without_controls`, and no line break and no tab."""
    if any(c in text for c in "\n\t\u2028\u2029"):
        raise ValueError("只能写一行 / must be a single line")
    return without_controls(text)


def _composed(value: Any) -> Any:
    """NFC before a length is counted: some characters grow by it."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


MOST_FOREIGN = 2000


def foreign(text: str) -> str:
    """Words of an outlet or a program as :data:`Text`: never refused, since what they tell of has
    happened. What may not travel becomes U+FFFD; after :data:`MOST_FOREIGN` characters it is cut."""
    shown = _FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n")[:MOST_FOREIGN])
    return unicodedata.normalize("NFC", shown)


def characters(text: str) -> int:
    """Code points, the unit in which WeChat and Douyin state their limits."""
    return len(text)


# the last validator of a list that begins with Before runs first, so lengths stay on the text kept
Text = Annotated[str, AfterValidator(without_controls), BeforeValidator(_composed)]
"""Any number of lines."""
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    AfterValidator(one_line),
    BeforeValidator(_composed),
]
"""One line, outer blanks removed."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A short name inside one story: of a block or of a piece of media."""
ChannelId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
