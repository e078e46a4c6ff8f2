"""One short scene in as many kinds of file as a newsroom is sent.

The scene, 1.6 s: a dark blue picture with a white marker in its upper left corner, white all over
for a tenth of a second from 0.8 s on, with a beep at that moment. What comes out must show the same,
whatever kind of file it came in.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.clips import Lab

SECONDS = 1.6
FLASH_S = 0.8
BLUE = (0x20, 0x40, 0x80)
_SCENE = (
    "drawbox=x=0:y=0:w=iw/4:h=ih/4:color=white:t=fill,"
    "drawbox=color=white:t=fill:enable='between(t,0.7995,0.8995)'"
)
_BEEP = "if(between(t,{at},{at}+0.1),0.5*sin(2*PI*1000*t),0.02*sin(2*PI*300*t))"
_FAST = ("-preset", "ultrafast", "-threads", "1")
_X264 = ("-c:v", "libx264", *_FAST, "-pix_fmt", "yuv420p")
_AAC = ("-c:a", "aac", "-b:a", "96k")
_SDR = "scale=out_color_matrix=bt709:out_range=tv"


@dataclass(frozen=True)
class Kind:
    """How the scene is written, and what must be seen of it."""

    name: str
    file_name: str
    video: tuple[str, ...] = _X264
    audio: tuple[str, ...] | None = _AAC
    rate: str = "25"
    size: tuple[int, int] = (320, 180)
    picture: str = "format=rgb24," + _SDR + ",format=yuv420p"
    """Filters behind the scene, which is drawn in RGB."""
    pan: str = "mono"
    """Channels of the sound."""
    gain: float = 1.0
    more: tuple[str, ...] = ()
    after: Callable[[Path], None] | None = None
    seen: tuple[int, int] = (320, 180)
    out_rate: float = 25.0
    corner: str = "upper left"
    colour: bool = True
    silent: bool = False
    slack: int = 10
    """How far a colour may be off, of 255."""


def kinds() -> list[Kind]:
    """At least forty."""
    base = Kind("plain", "plain.mp4")
    matrix = "setparams=colorspace={0}:color_primaries={1}:color_trc={2}"
    sd = "format=rgb24,scale=out_color_matrix=bt601:out_range=tv,format=yuv420p"
    wide = "format=rgb24,scale=out_color_matrix=bt709:out_range=pc,format=yuvj420p"
    sheer = "format=rgb24," + _SDR + ",format=yuv444p"
    hdr = (
        "format=gbrp,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr:range=pc,"
        "zscale=t=linear:npl={npl},format=gbrpf32le,zscale=p=bt2020:t={t}:m=bt2020nc:r=tv:npl={npl},"
        "format=yuv420p10le"
    )
    deep = ("-c:v", "libx264", *_FAST, "-profile:v", "high10", "-x264-params")
    told = "colorprim=bt2020:transfer={t}:colormatrix=bt2020nc"
    return [
        base,
        replace(base, name="still", file_name="still.mp4", more=("-tune", "stillimage")),
        # which way up
        replace(base, name="turned 90", file_name="r90.mp4", more=("rotate", "90"), corner="upper right", seen=(180, 320)),
        replace(base, name="turned 180", file_name="r180.mp4", more=("rotate", "180"), corner="lower right"),
        replace(base, name="turned 270", file_name="r270.mp4", more=("rotate", "270"), corner="lower left", seen=(180, 320)),
        # frame rates
        replace(base, name="variable rate", file_name="vfr.mp4", rate="30", out_rate=30.0, more=("-vf_tail", "select='gt(mod(n\\,5)\\,0)+lt(n\\,18)'", "-fps_mode", "vfr")),
        replace(base, name="60p", file_name="p60.mp4", rate="60", out_rate=30.0),
        replace(base, name="59.94p", file_name="p5994.mp4", rate="60000/1001", out_rate=29.97),
        replace(base, name="50p", file_name="p50.mp4", rate="50", out_rate=25.0),
        replace(base, name="29.97p", file_name="p2997.mp4", rate="30000/1001", out_rate=29.97),
        replace(base, name="24p", file_name="p24.mp4", rate="24", out_rate=24.0),
        replace(base, name="23.976p", file_name="p23976.mkv", rate="24000/1001", out_rate=23.976),
        replace(base, name="15p", file_name="p15.mp4", rate="15", out_rate=15.0),
        replace(base, name="120p", file_name="p120.mp4", rate="120", out_rate=30.0),
        # fields
        replace(base, name="50i upper first", file_name="tff.mp4", size=(720, 576), seen=(360, 288), rate="50", picture=sd + ",interlace=scan=tff", more=("-flags", "+ildct+ilme", "-x264-params", "tff=1")),
        replace(base, name="50i lower first", file_name="bff.mp4", size=(720, 576), seen=(360, 288), rate="50", picture=sd + ",interlace=scan=bff", more=("-flags", "+ildct+ilme", "-x264-params", "bff=1")),
        replace(base, name="50i mpeg-2", file_name="dvd.mpg", size=(720, 576), seen=(360, 288), rate="50", picture=sd + ",interlace=scan=tff", video=("-c:v", "mpeg2video", "-q:v", "3"), audio=("-c:a", "mp2"), more=("-flags", "+ildct+ilme")),
        # colours
        replace(base, name="hlg", file_name="hlg.mp4", picture=hdr.format(npl=203, t="arib-std-b67"), video=(*deep, told.format(t="arib-std-b67")), colour=False),
        replace(base, name="pq", file_name="pq.mp4", picture=hdr.format(npl=203, t="smpte2084"), video=(*deep, told.format(t="smpte2084")), colour=False),
        replace(base, name="bt.601", file_name="bt601.mp4", picture=sd + "," + matrix.format("smpte170m", "smpte170m", "smpte170m")),
        replace(base, name="full range", file_name="full.mp4", picture=wide, video=("-c:v", "libx264", *_FAST, "-color_range", "pc", "-colorspace", "bt709")),
        # codings
        replace(base, name="10-bit 4:2:2", file_name="deep.mp4", picture="format=rgb24," + _SDR + ",format=yuv422p10le", video=("-c:v", "libx264", *_FAST, "-pix_fmt", "yuv422p10le", "-colorspace", "bt709")),
        replace(base, name="prores", file_name="prores.mov", picture="format=rgb24," + _SDR + ",format=yuv422p10le", video=("-c:v", "prores_ks", "-colorspace", "bt709"), audio=("-c:a", "pcm_s16le")),
        replace(base, name="mjpeg avi", file_name="mjpeg.avi", picture=sd.replace("tv", "pc").replace("yuv420p", "yuvj420p"), video=("-c:v", "mjpeg", "-q:v", "3"), audio=("-c:a", "pcm_s16le")),
        replace(base, name="avchd", file_name="avchd.mts", rate="50", audio=("-c:a", "ac3"), more=("-f", "mpegts", "-mpegts_m2ts_mode", "1"), out_rate=25.0, slack=60),
        replace(base, name="mxf", file_name="xdcam.mxf", size=(1280, 720), seen=(360, 202), rate="50", out_rate=25.0, video=("-c:v", "mpeg2video", "-b:v", "20M", "-colorspace", "bt709"), audio=("-c:a", "pcm_s16le", "-ar", "48000")),
        replace(base, name="vp9 opus", file_name="vp9.webm", video=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-colorspace", "bt709"), audio=("-c:a", "libopus")),
        replace(base, name="vp8 vorbis", file_name="vp8.webm", picture=sd, video=("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"), audio=("-c:a", "libvorbis")),
        replace(base, name="mpeg-4 avi", file_name="xvid.avi", picture=sd, video=("-c:v", "mpeg4", "-q:v", "3"), audio=("-c:a", "libmp3lame")),
        replace(base, name="wmv", file_name="a.wmv", picture=sd, video=("-c:v", "wmv2", "-q:v", "3"), audio=("-c:a", "wmav2")),
        replace(base, name="flv", file_name="a.flv", audio=("-c:a", "aac", "-ar", "44100"), slack=60),
        replace(base, name="3gp", file_name="a.3gp", picture=sd, video=("-c:v", "mpeg4", "-q:v", "3"), audio=("-c:a", "aac")),
        replace(base, name="transport stream", file_name="a.ts", slack=60),
        replace(base, name="lossless rgb", file_name="ffv1.mkv", picture="format=gbrp", video=("-c:v", "ffv1")),
        # sound
        replace(base, name="no sound", file_name="mute.mp4", audio=None, silent=True),
        replace(base, name="stereo", file_name="stereo.mp4", pan="stereo"),
        replace(base, name="5.1, speech in the middle", file_name="surround.mp4", pan="5.1"),
        replace(base, name="late sound", file_name="late.mkv", more=("late", "0.5")),
        replace(base, name="loud", file_name="loud.mp4", gain=1.99),
        replace(base, name="quiet", file_name="quiet.mp4", gain=0.05),
        replace(base, name="22 kHz", file_name="low.mov", audio=("-c:a", "pcm_s16le", "-ar", "22050")),
        replace(base, name="sound shorter", file_name="short.mp4", more=("short", "1.2")),
        # time
        replace(base, name="starts at 100 s", file_name="offset.ts", more=("-output_ts_offset", "100"), slack=60),
        replace(base, name="edit list", file_name="edited.mp4", more=("edited", "1")),
        # shapes
        replace(base, name="odd size", file_name="odd.mkv", size=(321, 181), seen=(320, 180), picture=sheer, video=("-c:v", "libx264", *_FAST, "-pix_fmt", "yuv444p", "-colorspace", "bt709")),
        replace(base, name="narrow pixels", file_name="sar.mp4", size=(160, 180), picture=base.picture + ",setsar=2"),
        replace(base, name="square", file_name="square.mp4", size=(240, 240), seen=(240, 240)),
        replace(base, name="portrait", file_name="portrait.mp4", size=(180, 320), seen=(180, 320)),
    ]  # fmt: skip


def draw(lab: Lab, kind: Kind) -> Path:
    """Write the scene; a ``more`` that begins with a plain word is for this function."""
    path = lab.folder / kind.file_name
    more = list(kind.more)
    word = more[0] if more and not more[0].startswith("-") else ""
    before_s = 1.0 if word == "edited" else 0.0
    at = FLASH_S + before_s - (0.5 if word == "late" else 0.0)
    filters = f"format=rgb24,{_scene(before_s)},{kind.picture}"
    if more[:1] == ["-vf_tail"]:
        filters += f",{more[1]}"
        more = more[2:]
    width, height = kind.size
    seconds = SECONDS + before_s
    colour = "0x{:02x}{:02x}{:02x}".format(*BLUE)
    argv = ["-f", "lavfi", "-i", f"color={colour}:s={width}x{height}:r={kind.rate}:d={seconds}"]
    if kind.audio is not None:
        heard_s = float(more[1]) if word == "short" else seconds
        beep = f"({_BEEP.format(at=at)})*{kind.gain}"
        beeps = {"mono": beep, "stereo": f"{beep}|{beep}", "5.1": f"0|0|{beep}|0|0|0"}[kind.pan]
        if word == "late":
            argv += ["-itsoffset", more[1]]
            heard_s -= float(more[1])
        argv += ["-f", "lavfi", "-i", f"aevalsrc='{beeps}':c={kind.pan}:s=48000:d={heard_s}"]
    target = lab.folder / f"drawn-{kind.file_name}" if word in {"rotate", "edited"} else path
    options = [] if word else more
    sound = list(kind.audio) if kind.audio else []
    lab.ffmpeg(*argv, "-vf", filters, *kind.video, *sound, *options, str(target))
    if word == "rotate":
        lab.ffmpeg("-display_rotation", f"-{more[1]}", "-i", str(target), "-c", "copy", str(path))
    elif word == "edited":
        lab.ffmpeg("-ss", more[1], "-i", str(target), "-c", "copy", str(path))
    return path


def _scene(later_s: float) -> str:
    first, last = 0.7995 + later_s, 0.8995 + later_s
    return (
        _SCENE.rsplit("enable", 1)[0] + f"enable='between(t,{first},{last})'" if later_s else _SCENE
    )
