"""What a file is by its first bytes, never by its name: decides the one reader that may open it."""

from dataclasses import dataclass

from schemas.story import MediaKind

HEAD_BYTES = 4096


@dataclass(frozen=True)
class Sniffed:
    """Kind by content. A ``video`` container may turn out to hold sound only."""

    kind: MediaKind
    content_type: str
    reader: str
    """ffmpeg demuxer (video, audio) or Pillow format (image); empty for other files."""
    label: str


_MATCHES: tuple[tuple[int, bytes, Sniffed], ...] = (
    (0, b"\xff\xd8\xff", Sniffed("image", "image/jpeg", "JPEG", "JPEG")),
    (0, b"\x89PNG\r\n\x1a\n", Sniffed("image", "image/png", "PNG", "PNG")),
    (0, b"GIF8", Sniffed("image", "image/gif", "GIF", "GIF")),
    (8, b"WEBP", Sniffed("image", "image/webp", "WEBP", "WebP")),
    (0, b"II*\x00", Sniffed("image", "image/tiff", "TIFF", "TIFF")),
    (0, b"MM\x00*", Sniffed("image", "image/tiff", "TIFF", "TIFF")),
    (0, b"\x1aE\xdf\xa3", Sniffed("video", "video/x-matroska", "matroska", "Matroska/WebM")),
    (8, b"AVI ", Sniffed("video", "video/x-msvideo", "avi", "AVI")),
    (8, b"WAVE", Sniffed("audio", "audio/wav", "wav", "WAV")),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", Sniffed("video", "application/mxf", "mxf", "MXF")),
    (0, b"FLV\x01", Sniffed("video", "video/x-flv", "flv", "FLV")),
    (0, b"\x00\x00\x01\xba", Sniffed("video", "video/mpeg", "mpeg", "MPEG-PS")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Sniffed("video", "video/x-ms-wmv", "asf", "WMV/ASF")),
    (0, b"OggS", Sniffed("audio", "audio/ogg", "ogg", "Ogg")),
    (0, b"fLaC", Sniffed("audio", "audio/flac", "flac", "FLAC")),
    (0, b"ID3", Sniffed("audio", "audio/mpeg", "mp3", "MP3")),
    (0, b"%PDF-", Sniffed("file", "application/pdf", "", "PDF")),
)  # fmt: skip
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_MP3_SECOND_BYTES = {0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2}
_OOXML = (b"[Content_Types].xml", b"_rels/.rels", b"word/", b"xl/", b"ppt/")

_PLAYLISTS: tuple[tuple[bytes, tuple[str, str]], ...] = (
    (b"#EXTM3U", ("HLS 播放列表", "an HLS playlist")),
    (b"ffconcat", ("ffconcat 拼接表", "an ffconcat list")),
    (b"<MPD", ("DASH 清单", "a DASH manifest")),
    (b"<svg", ("SVG 矢量图", "an SVG drawing")),
    (b"v=0\r", ("SDP 会话描述", "an SDP session description")),
    (b"v=0\n", ("SDP 会话描述", "an SDP session description")),
    (b"<html", ("网页", "a web page")),
    (b"<!doctype html", ("网页", "a web page")),
)

_KINDS: dict[str, MediaKind] = {
    **dict.fromkeys(("mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "mts", "m2ts"), "video"),
    **dict.fromkeys(("mpg", "mpeg", "mxf", "flv", "wmv", "3gp"), "video"),
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp", "tif", "tiff", "heic", "avif"), "image"),
    **dict.fromkeys(("mp3", "wav", "m4a", "aac", "flac", "ogg", "oga", "opus"), "audio"),
    **dict.fromkeys(("pdf", "docx", "xlsx", "pptx"), "file"),
}


def sniff(head: bytes) -> Sniffed | None:
    """What the first :data:`HEAD_BYTES` bytes say; ``None`` when it is nothing we take."""
    if head[4:8] == b"ftyp" or head[4:8] in _BOXES:
        return _iso_media(head)
    if head.startswith((b"RIFF", b"RF64")):
        return _at(head, 8)
    for offset, magic, sniffed in _MATCHES:
        if offset == 0 and head.startswith(magic):
            if sniffed.reader == "matroska" and b"webm" in head[:64]:
                return Sniffed("video", "video/webm", "matroska", "WebM")
            return sniffed
    if _transport_stream(head):
        return Sniffed("video", "video/mp2t", "mpegts", "MPEG-TS")
    return _short_magics(head)


def kind_by_name(file_name: str) -> MediaKind | None:
    """What the name's ending promises; ``None`` where it promises nothing."""
    _, dot, ending = file_name.rpartition(".")
    return _KINDS.get(ending.lower()) if dot else None


def playlist_in_disguise(head: bytes) -> tuple[str, str] | None:
    """What a text is that makes a media player fetch other files, in Chinese and in English."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = start.lower()
    for magic, name in _PLAYLISTS:
        if start.startswith(magic) or (magic.startswith(b"<") and magic.lower() in lower):
            return name
    return None


def _at(head: bytes, wanted_offset: int) -> Sniffed | None:
    for offset, magic, sniffed in _MATCHES:
        if offset == wanted_offset and head[offset : offset + len(magic)] == magic:
            return sniffed
    return None


def _iso_media(head: bytes) -> Sniffed:
    if head[4:8] != b"ftyp":
        return Sniffed("video", "video/quicktime", "mov", "QuickTime")
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))}
    if head[8:12] in _AVIF_BRANDS or (head[8:12] in {b"mif1", b"msf1"} and brands & _AVIF_BRANDS):
        return Sniffed("image", "image/avif", "AVIF", "AVIF")
    if head[8:12] in _HEIF_BRANDS:
        return Sniffed("image", "image/heic", "", "HEIC")
    if head[8:12] == b"qt  ":
        return Sniffed("video", "video/quicktime", "mov", "QuickTime")
    if head[8:12] in {b"M4A ", b"M4B "}:
        return Sniffed("audio", "audio/mp4", "mov", "M4A")
    if head[8:11] == b"3gp":
        return Sniffed("video", "video/3gpp", "mov", "3GP")
    return Sniffed("video", "video/mp4", "mov", "MP4")


def _transport_stream(head: bytes) -> bool:
    """Sync bytes every 188, or every 192 with the 4-byte time codes of AVCHD."""
    plain = len(head) > 565 and all(head[i] == 0x47 for i in (0, 188, 376, 564))
    return plain or (len(head) > 580 and all(head[i] == 0x47 for i in (4, 196, 388, 580)))


def _short_magics(head: bytes) -> Sniffed | None:
    """Marks of two bytes, looked at last since they match by chance the easiest."""
    if len(head) < 64:
        return None
    if head[0] == 0xFF and head[1] in _MP3_SECOND_BYTES:
        return Sniffed("audio", "audio/mpeg", "mp3", "MP3")
    if head[0] == 0xFF and head[1] in {0xF1, 0xF9}:
        return Sniffed("audio", "audio/aac", "aac", "AAC")
    if head.startswith(b"BM") and head[14:18] in {b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"}:
        return Sniffed("image", "image/bmp", "BMP", "BMP")
    if head.startswith(b"PK\x03\x04") and any(mark in head[:2048] for mark in _OOXML):
        return Sniffed("file", "application/vnd.openxmlformats-officedocument", "", "Office")
    return None
