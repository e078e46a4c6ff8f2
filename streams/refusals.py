"""Why a file that somebody sent cannot be taken, in words for the newsroom, Chinese first."""

from schemas.story import MediaKind
from streams.sniff import Sniffed, playlist_in_disguise

_AGAIN = "请从原设备重新导出后再传 / export it again from the device and upload that"
_KIND_NAMES: dict[MediaKind, tuple[str, str]] = {
    "image": ("图片", "a picture"),
    "video": ("视频", "a video"),
    "audio": ("音频", "a sound file"),
    "file": ("文档", "a document"),
}


class Refused(Exception):
    """Code, reason and next step; whoever knows the field's name makes a Fault of it."""

    def __init__(self, code: str, reason: str, next_step: str = _AGAIN) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.next_step = next_step


def empty() -> Refused:
    return Refused("empty_file", "文件是空的(0 字节)/ the file is empty (0 bytes)")


def not_media(head: bytes) -> Refused:
    """Nothing that we take; a playlist is named for what it is."""
    playlist = playlist_in_disguise(head)
    if playlist is not None:
        return Refused(
            "disguised_playlist",
            f"这不是素材本身,而是{playlist[0]} / this is not the media itself but {playlist[1]}",
            "请上传视频或图片文件本身 / upload the video or picture file itself",
        )
    return Refused(
        "not_media",
        "内容不是可用的图片、视频、音频或文档 / "
        "the content is no picture, video, sound or document that can be used",
        "可用 / use one of: JPEG PNG WebP TIFF, MP4 MOV MKV AVI MXF TS, MP3 WAV M4A, PDF",
    )


def wrong_kind(promised: MediaKind, sniffed: Sniffed) -> Refused:
    chinese, english = _KIND_NAMES[promised]
    return Refused(
        "wrong_kind",
        f"文件名说是{chinese},内容却是 {sniffed.label} / "
        f"the name promises {english}, the content is {sniffed.label}",
        "请改用正确的文件,或改正扩展名 / send the right file, or correct its ending",
    )


def unsupported_picture(label: str) -> Refused:
    return Refused(
        "unsupported_format",
        f"不支持 {label} 图片 / {label} pictures are not supported",
        "请在手机相册中导出为 JPEG 再传 / export it as JPEG and upload that",
    )


def damaged_picture(words: str, *, cut_short: bool) -> Refused:
    return Refused(
        "truncated" if cut_short else "damaged_picture",
        f"图片不完整或已损坏 / the picture is incomplete or damaged ({words})",
    )


def unreadable(label: str, words: str) -> Refused:
    return Refused(
        "unreadable", f"{label} 文件无法读取 / the {label} file cannot be read ({words})"
    )


def truncated(missing: str) -> Refused:
    return Refused(
        "truncated",
        f"文件不完整,缺少 {missing} / the file was cut short, missing: {missing}",
        "请等设备写完或传输完成后重新上传 / wait until the transfer has finished, then upload again",
    )


def no_pictures() -> Refused:
    return Refused("no_video_stream", "文件里没有画面 / the file holds no moving pictures")


def too_many_pixels(pixels: int, limit: int) -> Refused:
    return Refused(
        "too_many_pixels",
        f"画面 {pixels / 1e6:.0f} 百万像素,超过上限 {limit / 1e6:.0f} / "
        f"{pixels / 1e6:.0f} megapixels, over the limit of {limit / 1e6:.0f}",
        "请缩小后再传 / make it smaller and upload again",
    )


def too_long(duration_s: float, limit_s: float) -> Refused:
    return Refused(
        "too_long",
        f"时长 {duration_s / 60:.1f} 分钟,超过上限 {limit_s / 60:.0f} 分钟 / "
        f"{duration_s / 60:.1f} minutes long, over the limit of {limit_s / 60:.0f}",
        "请剪短后再传 / cut it shorter and upload again",
    )
