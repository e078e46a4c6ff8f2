"""Runs of text on their way into spans: blanks, forbidden characters, links, inline styles. Pure."""

import re

from producers.import_contract import Notes
from schemas.body import Span
from schemas.text import without_forbidden

Line = list[tuple[str, bool, bool, str | None]]
"""Text, strong, em, link."""

MOST_SPANS = 200
_BLANKS = re.compile(r"[ \t\r\n\f\v\u00a0\u2028\u2029]+")
_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
_WEIGHT = re.compile(r"(?:^|;)\s*font-weight\s*:\s*(\w+)", re.IGNORECASE)
_SLANT = re.compile(r"(?:^|;)\s*font-style\s*:\s*(\w+)", re.IGNORECASE)
_HIDDEN = re.compile(
    r"(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)", re.IGNORECASE
)
_HREF = re.compile(r"^https?://[^\s<>\"'\\]{3,1000}$")


def tolerant(text: str, notes: Notes) -> str:
    """Without the characters that may not travel."""
    kept, gone = without_forbidden(text)
    notes.add("left_out", "控制字符 / control characters", gone)
    return kept


def tidy(text: str) -> str:
    """One line: blanks of any kind are one blank, none at the ends, no indent of Chinese print."""
    return _BLANKS.sub(" ", text).strip(" \u3000")


def styled(style: str) -> tuple[bool | None, bool | None, bool]:
    """Strong, em (None: not said) and hidden, of an inline style."""
    if not style:
        return None, None, False
    weight, slant = _WEIGHT.search(style), _SLANT.search(style)
    strong = (
        None
        if weight is None
        else weight[1].lower() in {"bold", "bolder", "600", "700", "800", "900"}
    )
    em = None if slant is None else slant[1].lower() in {"italic", "oblique"}
    return strong, em, _HIDDEN.search(style) is not None


def href_of(href: str, notes: Notes) -> str | None:
    """A link that a story may carry, else None, told."""
    href = href.strip()
    if _HREF.match(href):
        return href
    if href and not href.startswith("#"):
        kind = re.sub(r"[^a-z]", "", href.partition(":")[0].lower())[:12] if ":" in href else "?"
        notes.add("changed", f"链接变成了文字 ({kind}) / a link that is no web address became text")
    return None


def spans_of(line: Line, notes: Notes) -> tuple[Span, ...]:
    """The runs of one paragraph, tidied; empty where there is nothing but blanks."""
    runs: Line = []
    for text, strong, em, href in line:
        if runs and runs[-1][1:] == (strong, em, href):
            runs[-1] = (runs[-1][0] + text, strong, em, href)
        else:
            runs.append((text, strong, em, href))
    runs = _tidied(runs, notes)
    if len(runs) > MOST_SPANS:
        notes.add(
            "changed", "一段里的样式太多, 只留文字 / too many styles in one paragraph: text only"
        )
        runs = [("".join(run[0] for run in runs), False, False, None)]
    return tuple(Span(text=t, strong=s, em=e, href=h) for t, s, e, h in runs)


def _tidied(runs: Line, notes: Notes) -> Line:
    found: Line = []
    before = ""  # the character before, over the borders of runs
    for text, strong, em, href in runs:
        kept = _collapsed(tolerant(text, notes), before)
        if kept:
            found.append((kept, strong, em, href))
            before = kept[-1]
    while found and not found[-1][0].rstrip(" \u3000"):
        found.pop()
    if found:
        text, *rest = found[-1]
        found[-1] = (text.rstrip(" \u3000"), *rest)  # type: ignore[assignment]
    return found


def _collapsed(text: str, before: str) -> str:
    """Blanks to one blank; none at the beginning; a line break between Chinese characters is the
    editor's wrapping of its own source and no blank."""

    def blank(match: "re.Match[str]") -> str:
        left = text[match.start() - 1] if match.start() else before
        right = text[match.end() : match.end() + 1]
        wrapped = "\n" in match[0] or "\r" in match[0]
        if wrapped and _WIDE.match(left) and _WIDE.match(right):
            return ""
        return " "

    made = _BLANKS.sub(blank, text)
    if before in {"", " "}:
        made = made.lstrip(" \u3000" if not before else " ")
    return made
