"""WeChat's error codes (errcode), and what each means for a publication. Pure.

Sources: the platform's table of global return codes and the pages of the draft, publish and
material calls at developers.weixin.qq.com/doc. Errors come as HTTP 200.
"""

from datetime import datetime

from consumers.outlet_http import until_beijing
from schemas.errors import Fault, PermanentError, QuotaUsed, TransientError

TOKEN_CODES = frozenset({40001, 40014, 42001})
"""The token was refused: nothing was carried out, and a new token helps."""
UNAUTHORIZED = "48001"
BY_HAND = frozenset({UNAUTHORIZED, "53504", "53505"})
"""Codes of a submit after which a person can still publish the draft on the platform's page."""
NO_SUCH_MEDIA = "40007"
NO_SUCH_ARTICLE = "53600"

_LATER_S = {-1: 15.0, 45011: 60.0, 45066: 60.0, 53501: 900.0}
_QUOTA_USED = 45009

_WORDS: dict[int, tuple[str, str, str]] = {
    40005: ("media", "图片格式不对", "改用 jpg 或 png / use jpg or png"),
    40007: ("media", "素材编号无效", "重新签发 / release again"),
    40009: ("media", "图片太大", "换小一点的图片 / use a smaller picture"),
    40013: ("appid", "AppID 无效", "核对渠道文件里的 appid / check appid in the channels file"),
    40125: ("secret_file", "AppSecret 无效", "更换密钥文件 / replace the secret file"),
    40164: (
        "account",
        "本机出口 IP 不在公众号的 IP 白名单里",
        "请运维到公众平台「设置与开发—基本配置」加入出口 IP / add the egress IP to the allowlist",
    ),
    40243: ("secret_file", "AppSecret 已冻结", "请管理员到公众平台解冻 / unfreeze it"),
    45001: ("media", "文件太大", "换小一点的文件 / use a smaller file"),
    45002: ("body", "正文超过微信的长度限制", "缩短正文 / shorten the body"),
    45003: ("headline", "标题超过微信的长度限制", "填写 variants.wechat.headline / give one"),
    45004: ("lead", "摘要超过微信的长度限制", "填写 variants.wechat.lead / give one"),
    45008: ("body", "图文超过微信的限制", "缩短正文 / shorten the body"),
    45110: ("byline", "作者超过微信的长度限制", "缩短作者 / shorten the byline"),
    45166: ("body", "正文含有微信不接受的内容", "修改正文 / change the body"),
    48001: (
        "account",
        "公众号没有这个接口的权限",
        "请运维核对账号认证和接口权限 / check the account's verification and rights",
    ),
    50002: ("account", "公众号被限制", "请管理员登录公众平台查看 / look at mp.weixin.qq.com"),
    53500: ("account", "公众号被禁止发布", "请管理员登录公众平台查看 / look at mp.weixin.qq.com"),
    53503: ("body", "草稿未通过发布检查", "到草稿箱查看并修改 / look at the draft"),
    53504: ("draft", "需要在公众平台网页上操作这篇草稿", "到草稿箱发表 / publish by hand"),
    53505: ("draft", "需要先在网页上手动保存草稿", "到草稿箱保存并发表 / save and publish by hand"),
    53600: ("article", "没有这篇文章", ""),
    89503: ("account", "这次调用需要管理员确认", "请管理员在手机上确认 / the admin must confirm"),
}


def error_of(code: int, errmsg: str, now: datetime) -> TransientError | PermanentError:
    """The error that an errcode other than 0 and the token's codes stands for.

    TransientError: not carried out, later it may be. PermanentError: definite; its fault's code is
    the errcode.
    """
    said = f"errcode {code}: {errmsg[:200]}"
    if code == _QUOTA_USED:
        return QuotaUsed(f"今日调用次数已用完 / {said}", retry_after_s=until_beijing(now))
    if code in _LATER_S:
        return TransientError(f"微信请稍后再试 / {said}", retry_after_s=_LATER_S[code])
    field, words, next_step = _WORDS.get(code, ("wechat", "微信拒绝了请求", ""))
    return PermanentError(Fault(str(code), field, f"{words} / WeChat {said}", next_step))


def token_error_of(code: int, errmsg: str, now: datetime) -> TransientError | PermanentError:
    """Like :func:`error_of` for the token call, where 40001 means a wrong AppSecret."""
    return error_of(40125 if code == 40001 else code, errmsg, now)
