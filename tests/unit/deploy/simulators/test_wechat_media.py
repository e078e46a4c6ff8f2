import json

import pytest

from tests.unit.deploy.simulators.callers import WechatCaller, padded, picture

MIB = 1024 * 1024
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"\0" * 64


@pytest.mark.parametrize(("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png")])
def test_a_body_picture_is_served_at_the_address_it_was_given(
    wechat: WechatCaller, kind: str, media_type: str
) -> None:
    data = picture(kind)
    answer = wechat.upload("media/uploadimg", data)
    assert answer["errcode"] == 0
    served = wechat.request("GET", answer["url"])
    assert served.content == data
    assert served.headers["content-type"] == media_type


@pytest.mark.parametrize(
    "data",
    [picture("GIF"), picture("BMP"), b"<html>not a picture</html>", picture("PNG")[:-40]],
    ids=["gif", "bmp", "text under a picture's name", "truncated"],
)
def test_a_body_picture_must_be_a_whole_jpeg_or_png(wechat: WechatCaller, data: bytes) -> None:
    assert wechat.upload("media/uploadimg", data, "a.jpg")["errcode"] == 40005


def test_a_body_picture_is_smaller_than_one_megabyte(wechat: WechatCaller) -> None:
    assert wechat.upload("media/uploadimg", padded(picture(), MIB - 1))["errcode"] == 0
    assert wechat.upload("media/uploadimg", padded(picture(), MIB))["errcode"] == 40009


@pytest.mark.parametrize("path", ["media/uploadimg", "material/add_material"])
def test_an_upload_without_its_file_is_refused(wechat: WechatCaller, path: str) -> None:
    params = {"type": "image"}
    assert wechat.call(path, files={"other": ("a.jpg", b"x")}, params=params)["errcode"] == 41005
    assert wechat.call(path, data={"media": "text"}, params=params)["errcode"] == 41005
    assert wechat.upload(path, b"", params=params)["errcode"] == 41005


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_material_pictures_have_an_id_and_an_address(wechat: WechatCaller, kind: str) -> None:
    answer = wechat.upload("material/add_material", picture(kind), params={"type": "image"})
    assert answer["media_id"]
    assert wechat.request("GET", answer["url"]).content == picture(kind)


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        ("image", padded(picture(), 10 * MIB + 1), 40009),
        ("image", b"%PDF-1.7", 40005),
        ("thumb", padded(picture(), 64 * 1024 + 1), 45001),
        ("thumb", picture("PNG"), 40005),
        ("voice", b"ID3", 40004),
        ("", picture(), 40004),
    ],
)
def test_material_beyond_the_limits_is_refused(
    wechat: WechatCaller, kind: str, data: bytes, code: int
) -> None:
    answer = wechat.upload("material/add_material", data, params={"type": kind})
    assert answer["errcode"] == code


def test_a_video_needs_its_description_and_at_most_ten_megabytes(wechat: WechatCaller) -> None:
    def add(data: bytes, description: str | None) -> dict[str, object]:
        form = {} if description is None else {"description": description}
        params = {"type": "video"}
        return wechat.upload("material/add_material", data, "v.mp4", data=form, params=params)

    about = json.dumps({"title": "秋收", "introduction": "航拍"}, ensure_ascii=False)
    assert add(MP4, about)["media_id"]
    assert add(MP4, None)["errcode"] == 41005
    assert add(MP4, "not json")["errcode"] == 47001
    assert add(b"RIFF" + MP4, about)["errcode"] == 40005
    assert add(padded(MP4, 10 * MIB + 1), about)["errcode"] == 45001
