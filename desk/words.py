"""The board's vocabulary: each state as a short Chinese word, an icon and a tone.

A tone is a colour with a meaning (``good wait work warn call bad gone none``); it never stands
alone, the word and the icon say the same.
"""

import re
from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "wait", "work", "warn", "call", "bad", "gone", "none"]


@dataclass(frozen=True)
class Word:
    """How a state is shown."""

    chinese: str
    english: str
    icon: str
    """Name of a symbol in ``templates/icons.html``."""
    tone: Tone


STATES: dict[str, Word] = {
    "planned": Word("计划中", "planned", "clock", "wait"),
    "held": Word("暂缓", "held", "pause", "warn"),
    "gated": Word("等波次", "waits for its wave", "gate", "wait"),
    "ready": Word("待发送", "ready", "queue", "work"),
    "intent": Word("发送中", "sending", "send", "work"),
    "accepted": Word("平台审核", "the outlet is reviewing", "eye", "work"),
    "live": Word("已上线", "live", "check", "good"),
    "retry_wait": Word("待重试", "will try again", "retry", "warn"),
    "unknown": Word("结果不明", "answer lost, will ask", "question", "warn"),
    "reconciling": Word("对账中", "asking the outlet", "search", "warn"),
    "needs_person": Word("要人处理", "needs a person", "alert", "call"),
    "awaiting_person": Word("等人投递", "hand-off waits", "person", "call"),
    "refused": Word("被拒", "refused", "cross", "bad"),
    "updating": Word("更正中", "being corrected", "pencil", "work"),
    "recalling": Word("撤回中", "being recalled", "undo", "work"),
    "recalled": Word("已撤下", "recalled", "down", "gone"),
    "superseded": Word("已接替", "superseded", "layers", "gone"),
    "cancelled": Word("已取消", "cancelled", "slash", "gone"),
    "removed_by_platform": Word("被平台下架", "removed by the outlet", "ban", "bad"),
    "not_applicable": Word("不适用", "not applicable", "dash", "none"),
}
EMBARGO = Word("定时", "embargo", "alarm", "wait")
"""``held`` where nobody holds the story: its time has not come."""

MOVING = frozenset({
    "planned", "held", "gated", "ready", "intent", "accepted", "retry_wait", "unknown",
    "reconciling", "updating", "recalling",
})  # fmt: skip
"""Still on the way: the system, a wave or a time will move it on."""
AT_OUTLET = frozenset({
    "intent", "accepted", "live", "unknown", "reconciling", "updating", "recalling",
})  # fmt: skip
"""Something of the story is, or may be, at the outlet."""
FOR_PERSON = frozenset({"needs_person", "awaiting_person"})
REFUSED = frozenset({"refused", "removed_by_platform"})
"""Nothing further happens unless somebody changes the story."""

FAILED = REFUSED | {"needs_person", "unknown", "retry_wait"}
"""Something went wrong on the way."""

KINDS = {"news": "稿件", "video": "视频", "answer": "百姓点题", "notice": "公告"}
VERSION_STATES = {
    "in_review": "审核中",
    "returned": "已退回",
    "approved": "已签发",
    "superseded": "已被新版接替",
    "withdrawn": "已撤稿",
}
RECIPES = {
    "web_hls": "网页视频",
    "web_poster": "网页封面",
    "web_image": "网页图片",
    "web_thumb": "缩略图",
    "wechat_image": "公众号配图",
    "wechat_cover": "公众号封面",
    "vertical": "竖版视频",
    "vertical_crop": "竖版视频(裁切)",
    "vertical_cover": "竖版封面",
    "wechat_clip": "公众号视频",
    "radio_bwf": "广播播出文件",
    "radio_m4a": "广播音频",
    "screen_loop": "户外大屏视频",
    "tv_xdcam_hd422": "电视播出文件",
    "tv_h264": "电视播出文件(H.264)",
    "tv_avci100": "电视播出文件(AVC-Intra)",
    "print_image": "报纸图片",
    "print_still": "报纸截帧",
    "print_candidates": "报纸候选截帧",
}
_RECIPE = re.compile(r"\b(" + "|".join(RECIPES) + r")\b")
VERBS = {"create": "发布", "update": "更正", "recall": "撤回"}
RENDITION_STATES = {"ordered": "排队", "working": "转码中", "done": "完成", "failed": "失败"}
_NUMERALS = "零一二三四五六七八九"


def word_of(state: str) -> Word:
    """Also for a state that a later version may write: shown as it is, never hidden."""
    return STATES.get(state) or Word(state, state, "question", "warn")


def wave_name(wave: int, first: int) -> str:
    """``第一波 首发``, ``第二波 跟进`` …"""
    return f"第{_NUMERALS[wave]}波 {'首发' if wave == first else '跟进'}"


def in_chinese(text: str) -> str:
    """The Chinese part of ``中文 / English``, with recipes by their Chinese names."""
    return _RECIPE.sub(lambda found: RECIPES[found[0]], text.partition(" / ")[0])


ACTS_DONE = {
    "draft.taken_over": "接手草稿",
    "story.filed": "交稿",
    "story.revised": "修改或更正",
    "story.signed.1": "初审签字",
    "story.signed.2": "复审签字",
    "story.signed.3": "终审签字",
    "story.signed.3.urgent": "终审签字, 先发后补",
    "story.returned": "退回",
    "story.withdrawn": "撤稿",
    "story.held": "暂缓",
    "story.resumed": "恢复",
    "wave.opened": "开闸",
    "delivery.settled.live": "登记: 已上线",
    "delivery.settled.absent": "登记: 没有上线",
    "delivery.settled.still_up": "登记: 还在线上",
    "delivery.settled.give_up": "登记: 不再投递",
    "delivery.resent": "重发",
    "letter.replayed": "重放死信",
    "letter.discarded": "弃置死信",
    "desk.signed_in": "登录",
    "desk.signed_out": "退出",
    "desk.wrong_password": "密码输错",
    "desk.password_changed": "改密码",
    "people.added": "加人",
    "people.changed": "改部门或权限",
    "people.password_reset": "重设密码",
    "people.barred": "停用",
    "people.admitted": "重新启用",
    "people.link_made": "发登录链接",
}
"""The audit trail's acts as people read them."""
