"""Bringing a clip to Douyin: whole, or in parts that a later attempt goes on with.

Shows nothing to anybody. Sources: developer.open-douyin.com, upload-video, video-part-upload-init,
video-part-upload: parts are advised above 50 MB and required above 128 MB; a part has 20 MB
(5 MB at least), counted from 1; an upload id is good for two hours.
"""

from datetime import datetime
from typing import Any, Protocol

from pydantic import JsonValue

from consumers.douyin_api import V1, DouyinApi
from schemas.channel import Attempt, MediaFile
from schemas.errors import Fault, PermanentError, TransientError

LEAST_PART_BYTES = 5 * 1024 * 1024
_UPLOAD_LIFE_S = 6600.0


class UploadSpec(Protocol):
    """The fields of the channel's entry that an upload depends on."""

    @property
    def whole_bytes(self) -> int: ...
    @property
    def part_bytes(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def upload_timeout_s(self) -> float: ...


def upload_clip(
    spec: UploadSpec, api: DouyinApi, file: MediaFile, attempt: Attempt, now: datetime
) -> str:
    """The clip's ``video_id``. Checkpoints: ``upload`` (id and finished parts), ``video``."""
    kept = attempt.checkpoints.get("video")
    if isinstance(kept, dict) and kept.get("sha256") == file.sha256:
        return str(kept["video_id"])
    if file.size_bytes > spec.total_bytes:
        reason = f"视频 {file.size_bytes} 字节, 抖音最多 {spec.total_bytes} 字节 / too large"
        raise PermanentError(
            Fault("too_large", "media", reason, "压缩视频 / make the file smaller")
        )
    if file.size_bytes <= spec.whole_bytes:
        video_id = _whole(spec, api, file, attempt)
    else:
        video_id = _in_parts(spec, api, file, attempt, now)
    attempt.checkpoint("video", {"video_id": video_id, "sha256": file.sha256})
    return video_id


def upload_cover(spec: UploadSpec, api: DouyinApi, file: MediaFile, attempt: Attempt) -> str:
    """The ``image_id`` of a cover picture. Checkpoint: ``cover``."""
    kept = attempt.checkpoints.get("cover")
    if isinstance(kept, dict) and kept.get("sha256") == file.sha256:
        return str(kept["image_id"])
    with file.path.open("rb") as picture:
        data = api.call(
            f"{V1}upload_image/",
            attempt,
            "upload_image",
            files={"image": (f"{file.sha256[:16]}.jpg", picture, file.content_type)},
            timeout_s=spec.upload_timeout_s,
        )
    image_id = _inner(data, "image", "image_id")
    attempt.checkpoint("cover", {"image_id": image_id, "sha256": file.sha256})
    return image_id


def _whole(spec: UploadSpec, api: DouyinApi, file: MediaFile, attempt: Attempt) -> str:
    with file.path.open("rb") as clip:
        data = api.call(
            f"{V1}upload_video/",
            attempt,
            "upload",
            files={"video": (_name(file), clip, file.content_type)},
            timeout_s=spec.upload_timeout_s,
        )
    return _inner(data, "video", "video_id")


def _in_parts(
    spec: UploadSpec, api: DouyinApi, file: MediaFile, attempt: Attempt, now: datetime
) -> str:
    upload = _open_upload(spec, api, file, attempt, now)
    resumed = bool(upload["done"])
    done: list[JsonValue] = list(upload["done"])
    params = {"upload_id": str(upload["upload_id"])}
    try:
        for number, start, size in parts(file.size_bytes, spec.part_bytes):
            if number in done:
                continue
            with file.path.open("rb") as clip:
                clip.seek(start)
                part = clip.read(size)
            api.call(
                f"{V1}upload_video_part/",
                attempt,
                "upload_part",
                files={"video": (_name(file), part, file.content_type)},
                params=params | {"part_number": str(number)},
                timeout_s=spec.upload_timeout_s,
            )
            done.append(number)
            attempt.checkpoint("upload", {**upload, "done": list(done)})
        data = api.call(
            f"{V1}complete_video_part_upload/",
            attempt,
            "upload",
            params=params,
            timeout_s=spec.upload_timeout_s,
        )
    except PermanentError as error:
        if not resumed:
            raise
        # an id of an earlier attempt may have ended, or its clip may be complete already
        attempt.checkpoint("upload", None)
        raise TransientError("上传从头再来 / the upload begins anew", retry_after_s=2.0) from error
    return _inner(data, "video", "video_id")


def _open_upload(
    spec: UploadSpec, api: DouyinApi, file: MediaFile, attempt: Attempt, now: datetime
) -> dict[str, Any]:
    """The upload under way of exactly this file in these parts, else a new one."""
    kept = attempt.checkpoints.get("upload")
    at = now.timestamp()
    same = {"sha256": file.sha256, "part_bytes": spec.part_bytes}
    if (
        isinstance(kept, dict)
        and kept | same == kept
        and at - float(str(kept.get("at", 0))) < _UPLOAD_LIFE_S
    ):
        return kept
    data = api.call(f"{V1}init_video_part_upload/", attempt, "upload")
    upload_id = data.get("upload_id")
    if not isinstance(upload_id, str) or not upload_id:
        raise TransientError("抖音没有开始上传 / Douyin opened no upload")
    upload: dict[str, Any] = {"upload_id": upload_id, "at": at, "done": [], **same}
    attempt.checkpoint("upload", upload)
    return upload


def parts(size_bytes: int, part_bytes: int) -> list[tuple[int, int, int]]:
    """(number from 1, start, size) of each part; a short rest joins the part before it."""
    count = max(1, size_bytes // part_bytes)
    if size_bytes - count * part_bytes >= LEAST_PART_BYTES:
        count += 1
    starts = [index * part_bytes for index in range(count)]
    ends = [*starts[1:], size_bytes]
    return [(i + 1, s, e - s) for i, (s, e) in enumerate(zip(starts, ends, strict=True))]


def _inner(data: dict[str, Any], outer: str, name: str) -> str:
    found = data.get(outer)
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, str) or not value:
        raise TransientError(f"抖音的上传回答缺内容 / the upload answered without {name}")
    return value


def _name(file: MediaFile) -> str:
    return f"{file.sha256[:16]}.mp4"
