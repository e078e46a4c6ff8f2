"""Pictures that the account has uploaded already, known by their hash.

The platform keeps every upload for good and limits the library to 100,000 pictures, so the same
bytes are uploaded once: body pictures give an address, covers a permanent ``media_id``.
"""

from pathlib import Path
from typing import Any, Literal

from consumers.account_files import keep, read_kept
from consumers.wechat_api import WechatApi
from schemas.channel import Attempt, MediaFile
from schemas.errors import TransientError

Kind = Literal["picture", "cover"]

_NEWEST = 4000


class WechatUploads:
    """What lies at the platform already, in a file of the account's folder."""

    def __init__(self, api: WechatApi, file: Path) -> None:
        self._api = api
        self._file = file
        self._known: dict[str, Any] = read_kept(file)

    def address(self, kind: Kind, file: MediaFile, attempt: Attempt) -> str:
        """Address of a body picture, or media id of a cover; uploads where it is not there yet."""
        name = f"{kind}:{file.sha256}"
        known = self._known.get(name)
        if isinstance(known, str):
            return known
        given = self._upload(kind, file, attempt)
        self._known[name] = given
        for oldest in list(self._known)[:-_NEWEST]:
            del self._known[oldest]
        keep(self._file, self._known)
        return given

    def forget(self, kind: Kind, sha256: str) -> bool:
        """The platform does not know it any more. False when we did not know it either."""
        known = self._known.pop(f"{kind}:{sha256}", None)
        keep(self._file, self._known)
        return known is not None

    def _upload(self, kind: Kind, file: MediaFile, attempt: Attempt) -> str:
        if kind == "picture":
            said = self._api.upload("/cgi-bin/media/uploadimg", file, attempt, "upload_image")
            given = said.get("url")
        else:
            said = self._api.upload(
                "/cgi-bin/material/add_material", file, attempt, "upload_cover", {"type": "image"}
            )
            given = said.get("media_id")
        if not isinstance(given, str) or not given:
            raise TransientError(
                f"微信的上传回答缺地址 / the upload of a {kind} answered without its address"
            )
        return given
