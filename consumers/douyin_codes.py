"""Douyin's error codes, and what each means for a publication. Pure.

Sources: developer.open-douyin.com, pages status-code, refresh-access-token and refresh-token;
the older codes (10xxx, 21xxxxx) as integrators list them. Errors come as HTTP 200 with
``error_code`` in ``data`` and ``extra``.
"""

from collections.abc import Iterable
from datetime import datetime

from consumers.outlet_http import until_beijing
from schemas.errors import Fault, PermanentError, QuotaUsed, TransientError

TOKEN_CODES = frozenset({28001003, 28001008, 10008, 2190002, 2190008})
"""The access token was refused: nothing was carried out, and a new token helps."""

_QUOTA_USED = frozenset({28003017, 2114007, 2190001})
_BUSY = frozenset({-1, 28001005, 28001006, 2100004, 10001})
_TOO_FREQUENT = 28003018

_AUTHORISE = (
    "请账号管理员重新授权, 把新令牌写入 tokens_file / authorise again, put the tokens there"
)
_APPLY = "请运维到抖音开放平台控制台申请 / apply for it in the platform's console"
_WORDS: dict[int, tuple[str, str, str]] = {
    10003: ("client_key", "client_key 不存在", "核对渠道文件 / check the channels file"),
    10010: ("tokens_file", "抖音授权已过期", _AUTHORISE),
    10013: ("client_key", "client_key 不对", "核对渠道文件 / check the channels file"),
    10020: ("tokens_file", "抖音授权续期次数已用完", _AUTHORISE),
    28001003: ("tokens_file", "访问令牌无效", _AUTHORISE),
    28001007: ("douyin", "抖音不接受请求的参数", ""),
    28001008: ("tokens_file", "访问令牌过期", _AUTHORISE),
    28001012: (
        "video.create.bind",
        "账号没有授权应用代发和管理视频（video.create.bind 等）",
        _AUTHORISE,
    ),
    28001014: ("video.create.bind", "应用没有任何能力", _APPLY),
    28001015: ("tokens_file", "令牌和 open_id 不是同一账号", _AUTHORISE),
    28001016: ("client_key", "应用被封禁或下线", "请运维联系抖音开放平台 / ask the platform"),
    28001018: (
        "video.create.bind",
        "应用没有「代替用户发布内容到抖音」能力（video.create.bind 等）",
        _APPLY,
    ),
    28001019: ("video.create.bind", "这项能力被封禁或下线", "请运维联系抖音开放平台 / ask them"),
    28001056: ("douyin", "抖音已下线这个接口", "请运维升级系统 / upgrade"),
    2114006: ("media", "视频超过 15 分钟", "剪短视频 / cut the clip"),
    2190003: ("video.create.bind", "账号没有授权这个接口", _AUTHORISE),
    2190004: ("video.create.bind", "应用没有这项能力", _APPLY),
    2190005: ("media", "视频文件太大", "压缩视频 / make the file smaller"),
    2190006: ("media", "视频太长", "剪短视频 / cut the clip"),
    2190007: ("media", "视频编号无效", "重新签发 / release again"),
}


class Busy(TransientError):
    """The platform failed inside and documents to repeat the call."""


def error_of(
    code: int, said: str, now: datetime, quota_hours: Iterable[int]
) -> TransientError | PermanentError:
    """The error of a code other than 0.

    TransientError: not carried out, later it may be (``quota_hours``: full hours in Beijing at
    which quotas come back). PermanentError: definite; its fault's code is the platform's.
    """
    told = f"error_code {code}: {said[:200]}"
    if code in _QUOTA_USED:
        later_s = until_beijing(now, quota_hours)
        return QuotaUsed(f"今日调用次数已用完 / {told}", retry_after_s=later_s)
    if code in _BUSY:
        return Busy(f"抖音系统繁忙 / {told}", retry_after_s=15.0)
    if code == _TOO_FREQUENT:
        return TransientError(f"抖音请稍后再试 / {told}", retry_after_s=30.0)
    field, words, next_step = _WORDS.get(code, ("douyin", "抖音拒绝了请求", ""))
    return PermanentError(Fault(str(code), field, f"{words} / Douyin {told}", next_step))
