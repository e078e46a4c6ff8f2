"""Pictures with IPTC, XMP and EXIF as cameras, agencies and attackers write them."""

import io
from typing import Any

import pytest
from PIL import ExifTags, Image

from producers.import_contract import Notes
from producers.importers import picture
from producers.imports import import_document
from schemas.errors import InvalidInput
from schemas.story import StoryIn


def iim(**texts: str | bytes | list[str]) -> bytes:
    """An IPTC-IIM block inside a Photoshop segment, as agencies write it."""
    numbers = {name: number for number, name in picture._IIM.items()}
    data = b""
    for name, value in texts.items():
        for text in value if isinstance(value, list) else [value]:
            raw = text.encode() if isinstance(text, str) else text
            data += b"\x1c\x02" + bytes([numbers[name]]) + len(raw).to_bytes(2, "big") + raw
    block = (
        b"8BIM\x04\x04\x00\x00" + len(data).to_bytes(4, "big") + data + b"\x00" * (len(data) % 2)
    )
    return segment(0xED, b"Photoshop 3.0\x00" + block)


def segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + (len(data) + 2).to_bytes(2, "big") + data


def xmp(inside: str) -> bytes:
    text = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
    <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/">{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"""
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + text.encode())


def jpeg(*segments: bytes, exif: Any = None) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "gold").save(out, "JPEG", **({"exif": exif} if exif else {}))
    data = out.getvalue()
    return data[:2] + b"".join(segments) + data[2:]


def test_what_an_agency_wrote_becomes_a_story() -> None:
    data = jpeg(
        iim(headline="青禾梯田开镰", caption="11月24日，农民在梯田收割。", byline=["稻小穗"], credit="青禾融媒",
            keywords=["秋收", "梯田"], city="云岭乡")
    )  # fmt: skip
    found = import_document(data, "IMG_1.jpg")
    story = StoryIn.model_validate(found.story())
    assert (story.headline, story.byline, story.keywords) == (
        "青禾梯田开镰",
        "稻小穗",
        ("秋收", "梯田"),
    )
    assert story.body[1].model_dump(include={"caption", "credit"}) == {
        "caption": "11月24日，农民在梯田收割。",
        "credit": "青禾融媒",
    }
    assert any("云岭乡" in note.text for note in found.notes)


def test_xmp_wins_over_iim_and_both_over_exif() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "exif"
    exif[ExifTags.Base.Artist] = "exif"
    lang = '<rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt>'
    found = picture.written(
        io.BytesIO(
            jpeg(
                iim(caption="iim", headline="iim"),
                xmp(f"<dc:description>{lang.format('xmp')}</dc:description>"),
                exif=exif.tobytes(),
            )
        ),
        Notes(),
    )
    assert found.texts["caption"] == "xmp"
    assert found.texts["headline"] == "iim"
    assert found.texts["byline"] == "exif"


def test_gb18030_in_iim_is_read() -> None:
    found = picture.written(io.BytesIO(jpeg(iim(caption="秋收".encode("gb18030")))), Notes())
    assert found.texts["caption"] == "秋收"


@pytest.mark.parametrize("where", ["exif", "xmp"])
def test_a_place_of_taking_is_told(where: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    data = (
        jpeg(exif=exif.tobytes())
        if where == "exif"
        else jpeg(xmp("<exif:GPSLatitude>30,1N</exif:GPSLatitude>"))
    )
    assert picture.written(io.BytesIO(data), Notes()).gps
    assert not picture.written(io.BytesIO(jpeg()), Notes()).gps


def test_a_cameras_own_words_are_no_caption() -> None:
    assert (
        picture.written(io.BytesIO(jpeg(iim(caption="OLYMPUS DIGITAL CAMERA"))), Notes()).texts
        == {}
    )


LAUGHS = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "data",
    [
        jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + LAUGHS.encode() + b"<x>&b;</x>")),
        jpeg(xmp("<dc:description>" + "<a>" * 3000 + "</a>" * 3000 + "</dc:description>")),
        jpeg(xmp("<dc:description>")),
        jpeg(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\xff\xff\xff\xff")),
        jpeg(segment(0xE1, b"Exif\x00\x00II*\x00\xff\xff\xff\xff")),
    ],
    ids=["laughs", "deep xmp", "broken xmp", "broken iim", "broken exif"],
)
def test_hostile_fields_are_no_fields(data: bytes) -> None:
    found = picture.written(io.BytesIO(data), Notes())
    assert "caption" not in found.texts


def test_scripts_in_fields_are_text_and_long_ones_are_cut() -> None:
    notes = Notes()
    found = picture.written(
        io.BytesIO(jpeg(iim(caption="<script>x</script>\x07" + "长" * 400))), notes
    )
    assert found.texts["caption"].startswith("<script>x</script>长")
    assert len(found.texts["caption"]) == 300
    assert any("截短" in note.text for note in notes.all())


def test_no_picture_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        import_document(b"\xff\xd8\xff" + bytes(50), "a.jpg")
    assert refused.value.faults[0].code == "bad_picture"
