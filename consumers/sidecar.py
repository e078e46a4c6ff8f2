"""The sidecar of a clip: an XML file by a Jinja2 template that the station may edit.

A template gets ``delivery`` (:class:`Sidecar`), ``station`` (the free values of the channels file)
and ``encoding``. Text is escaped; inside an attribute use ``| attribute``, which keeps line breaks.
Templates run in Jinja2's sandbox, and a name that does not exist is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from lxml import etree
from markupsafe import Markup, escape

from schemas.errors import Fault, PermanentError

SHIPPED = Path(__file__).parent / "templates" / "tv"
Encoding = Literal["UTF-8", "GB18030"]
_TEMPLATE_FAULTS = (
    TemplateError, etree.XMLSyntaxError, TypeError, ValueError, ArithmeticError, LookupError,
    AttributeError,
)  # fmt: skip
"""What a station's own template may raise when it is carried out."""


@dataclass(frozen=True)
class SidecarFile:
    """One media file; times as ``HH:MM:SS:FF``, empty where the length is unknown."""

    name: str
    size: int
    md5: str
    sha256: str
    caption: str = ""
    credit: str = ""
    duration_s: float | None = None
    start: str = ""
    end: str = ""
    duration: str = ""


@dataclass(frozen=True)
class Sidecar:
    """What a template may say of one delivery."""

    id: str
    verb: Literal["new", "update", "delete"]
    item: str
    """House number of the clip, the same for all versions."""
    number: int
    release: int
    version: int
    story_id: str
    payload_sha256: str
    story: Any
    """The channel copy: title, lead, slip, correction and so on."""
    files: tuple[SidecarFile, ...]
    reason: str = ""
    """Why it is taken out; only with the verb ``delete``."""


def timecode(seconds: float, fps: int) -> str:
    """``HH:MM:SS:FF``, non-drop, rounded to the nearest frame."""
    total = round(seconds * fps)
    whole, frames = divmod(total, fps)
    return f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frames:02d}"


def seconds_of(code: str, fps: int) -> float:
    """Seconds from midnight of a ``HH:MM:SS:FF``."""
    hours, minutes, seconds, frames = (int(part) for part in code.split(":"))
    return hours * 3600 + minutes * 60 + seconds + frames / fps


def load(path: Path) -> Template:
    """Compile a template; raises OSError or jinja2's TemplateError."""
    environment = ImmutableSandboxedEnvironment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["attribute"] = _attribute
    return environment.from_string(path.read_text("utf-8"))


def write(
    template: Template, delivery: Sidecar, station: Mapping[str, str], encoding: Encoding
) -> bytes:
    """The sidecar's bytes: well-formed XML in the given encoding.

    Raises PermanentError where the template names what is not there or the result is no XML.
    """
    try:
        text = template.render(delivery=delivery, station=station, encoding=encoding)
        data = text.encode(encoding)
        parse(data)
    except _TEMPLATE_FAULTS as error:
        raise PermanentError(
            Fault(
                "template",
                "sidecar_template",
                f"模板写不出合格的 XML / the template makes no good XML: {error}",
                "改正模板后重启 / mend the template and restart",
            )
        ) from error
    return data


def parse(data: bytes) -> etree._Element:
    """Parse XML without entities, DTD or network."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, encoding=None, huge_tree=False
    )
    return etree.fromstring(data, parser)


def faults(path: Path, sample: Sidecar, station: Mapping[str, str], encoding: Encoding) -> str:
    """What is wrong with a station's template, Chinese first; empty where it will do.

    It must name the delivery's id (the acknowledgement repeats it), the file, its MD5 and the
    title, and must read differently for ``new`` and ``delete``.
    """
    try:
        template = load(path)
        new = write(template, sample, station, encoding)
        gone = write(template, replace(sample, verb="delete"), station, encoding)
    except OSError as error:
        return f"读不到模板 / cannot be read: {path}: {error.strerror}"
    except TemplateError as error:
        return f"模板 {path.name} 有错 / is faulty: {error}"
    except PermanentError as error:
        return f"{path.name}: {error.faults[0].reason}"
    text = "\n".join(_texts(parse(new)))
    needed = {
        "id": sample.id, "file name": sample.files[0].name, "MD5": sample.files[0].md5,
        "title": sample.story.title,
    }  # fmt: skip
    lacking = [name for name, value in needed.items() if value not in text]
    if lacking:
        return f"模板 {path.name} 缺少 / does not name: {', '.join(lacking)}"
    if new == gone:
        return f"模板 {path.name} 新发与撤播写法相同 / says the same for new and delete"
    return ""


def _texts(root: etree._Element) -> list[str]:
    found = [str(text) for text in root.itertext()]
    return found + [str(value) for element in root.iter() for value in element.attrib.values()]


def _attribute(value: object) -> Markup:
    return Markup(escape(value).replace("\n", Markup("&#10;")).replace("\t", Markup("&#9;")))  # noqa: S704  # escaped just now
