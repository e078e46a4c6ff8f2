"""What a clip is, and what becomes of it, in words for whoever sent it. Pure; Chinese first."""

from streams.media_facts import AudioFacts, MediaFacts, VideoFacts

_QUIET_LUFS, _LOUD_LUFS, _SILENT_LUFS = -33.0, -12.0, -69.0
_APART_S = 0.3
_CODECS = {
    "h264": "H.264",
    "hevc": "H.265",
    "mpeg2video": "MPEG-2",
    "prores": "ProRes",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "aac": "AAC",
    "mp3": "MP3",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "flac": "FLAC",
}
_CHANNELS = {1: ("单声道", "mono"), 2: ("立体声", "stereo"), 6: ("5.1 声道", "5.1")}


def told(facts: MediaFacts) -> tuple[str, ...]:
    """What it is, then what will be done with it; empty for pictures and documents."""
    if facts.duration_s is None:
        return ()
    lines = [_what(facts)]
    if facts.video is not None:
        lines += _pictures(facts, facts.video)
    if facts.audio is not None:
        lines += _sound(facts, facts.audio)
    if facts.aigc:
        lines.append("带 AIGC 标识, 会随成片保留 / labelled as AI generated, the label is kept")
    return tuple(lines)


def problems(facts: MediaFacts) -> tuple[str, ...]:
    """What the sender should look at, although the file can be used."""
    lines = []
    video, audio, heard = facts.video, facts.audio, facts.loudness
    if facts.duration_s is not None and audio is None:
        lines.append("没有声音 / there is no sound")
    if heard is not None and heard.lufs <= _SILENT_LUFS and (facts.duration_s or 0) >= 1:
        lines.append("有音轨, 但听不到声音 / the sound track is silent")
    if facts.damage:
        lines.append(
            f"文件有损坏, 解码报错 {len(facts.damage)} 处以上, 请从头到尾看一遍 / damaged: "
            f"{len(facts.damage)} decoding errors or more, watch it to its end"
        )
    if video is not None and audio is not None:
        short_s = (video.start_s + video.duration_s) - (audio.start_s + audio.duration_s)
        if short_s > 1.0:
            lines.append(
                f"声音比画面早结束 {short_s:.1f} 秒 / the sound ends {short_s:.1f} s before the pictures"
            )
    if video is not None and min(facts.width or 0, facts.height or 0) < 360:
        lines.append(
            f"画面只有 {facts.width}×{facts.height}, 大屏上会模糊 / only {facts.width}×{facts.height}, "
            "soft on large screens"
        )
    sounds = sum(stream.kind == "audio" for stream in facts.streams)
    if sounds > 1:
        lines.append(f"有 {sounds} 条音轨, 只用第一条 / {sounds} sound tracks, the first is used")
    return tuple(lines)


def _what(facts: MediaFacts) -> str:
    video, audio = facts.video, facts.audio
    length = f"{facts.duration_s:.1f} 秒"
    english = f"{facts.duration_s:.1f} s"
    codecs = [_CODECS.get(one.codec, one.codec) for one in (video, audio) if one is not None]
    if video is None:
        return f"音频, {length}, {' + '.join(codecs)} / sound, {english}, {' + '.join(codecs)}"
    size = f"{facts.width}×{facts.height}"
    return (
        f"视频 {size}, {video.rate:.4g} 帧/秒, {length}, {' + '.join(codecs)} / "
        f"video {size}, {video.rate:.4g} fps, {english}, {' + '.join(codecs)}"
    )


def _pictures(facts: MediaFacts, video: VideoFacts) -> list[str]:
    lines = []
    if video.rotation:
        lines.append(
            f"画面按拍摄方向转正({video.rotation}°)/ turned upright ({video.rotation} degrees)"
        )
    if (facts.height or 0) > (facts.width or 0):
        lines.append("竖屏, 电视上两侧补模糊背景 / upright: blurred sides on television")
    if video.sample_aspect != "1:1":
        lines.append(
            f"像素不是方的({video.sample_aspect}), 会改成方的 / "
            f"its pixels are not square ({video.sample_aspect}): they will be"
        )
    if video.interlaced:
        first = {"tff": ("上场先", "upper field first"), "bff": ("下场先", "lower field first")}
        chinese, english = first[video.field_order]
        lines.append(f"隔行({chinese}), 新媒体会去隔行 / interlaced ({english}): combed out online")
    if video.variable_rate:
        lines.append("帧率不固定, 会改成固定帧率 / variable frame rate: made constant")
    if video.hdr:
        lines.append(
            f"HDR({video.hdr.upper()}), 会转成普通色彩 BT.709 / HDR ({video.hdr.upper()}): "
            "mapped to BT.709"
        )
    elif video.full_range:
        lines.append("全范围色彩, 会转成视频范围 / full range colours: made limited")
    if video.hidden_frames:
        lines.append(
            f"剪辑表裁掉了 {video.hidden_frames} 帧, 照此执行 / an edit list cuts off "
            f"{video.hidden_frames} frames, and so do we"
        )
    return lines


def _sound(facts: MediaFacts, audio: AudioFacts) -> list[str]:
    lines = []
    names = _CHANNELS.get(audio.channels)
    if audio.channels > 2:
        chinese, english = names or (f"{audio.channels} 声道", f"{audio.channels} channels")
        lines.append(f"{chinese}, 混成立体声 / {english}: mixed down to stereo")
    video = facts.video
    if video is not None and abs(audio.start_s - video.start_s) > _APART_S:
        late_s = audio.start_s - video.start_s
        words = ("晚", "later") if late_s > 0 else ("早", "earlier")
        lines.append(
            f"声音比画面{words[0]} {abs(late_s):.1f} 秒开始, 保持原样 / "
            f"the sound begins {abs(late_s):.1f} s {words[1]} than the pictures: kept so"
        )
    heard = facts.loudness
    if heard is not None and heard.lufs > _SILENT_LUFS:
        loud = f"{heard.lufs:.1f} LUFS"
        if heard.lufs < _QUIET_LUFS:
            lines.append(
                f"声音很轻({loud}), 会提到标准响度 / very quiet ({loud}): raised to standard"
            )
        elif heard.lufs > _LOUD_LUFS:
            lines.append(
                f"声音很响({loud}), 会降到标准响度 / very loud ({loud}): lowered to standard"
            )
        else:
            lines.append(f"响度 {loud}, 会调到各渠道标准 / loudness {loud}: set for each outlet")
    return lines
