"""A chat group's robot: DingTalk (钉钉) and WeCom (企业微信) take the same plain text message.

Limits: 20 messages a minute for each robot; WeCom's text holds 2,048 bytes
(https://developer.work.weixin.qq.com/document/path/91770,
https://open.dingtalk.com/document/group/custom-robot-access). Both answer HTTP 200 with an
``errcode``; only 0 means that it was shown. The address is a secret: it carries the key.
"""

import base64
import hashlib
import hmac
import logging
import time
from pathlib import Path

import httpx

from schemas.errors import Fault, InvalidInput, TransientError
from schemas.newsroom import Robot

_ADDRESS = {
    "wecom": ("/cgi-bin/webhook/send", "key", "https://qyapi.weixin.qq.com"),
    "dingtalk": ("/robot/send", "access_token", "https://oapi.dingtalk.com"),
}
_TIMEOUT = httpx.Timeout(10.0)


def say(robot: Robot, text: str) -> None:
    """Post one message. Raises TransientError when it was not shown (or may not have been), and
    InvalidInput when the address file is missing or empty."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines would hold the key
    path, name, base = _ADDRESS[robot.kind]
    query = {name: _secret(robot.key_file, "robot.key_file")}
    if robot.sign_file:
        query |= _signed(_secret(robot.sign_file, "robot.sign_file"), time.time())
    try:
        answer = httpx.post(
            f"{(robot.api_base or base).rstrip('/')}{path}",
            params=query,
            json={"msgtype": "text", "text": {"content": text}},
            timeout=_TIMEOUT,
            trust_env=False,
            follow_redirects=False,
        )
        told = answer.json() if answer.status_code == 200 else {"errcode": answer.status_code}
        code = told["errcode"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise TransientError(f"the robot did not answer: {type(error).__name__}") from None
    if code != 0:
        raise TransientError(f"the robot refused: {code} {str(told.get('errmsg', ''))[:120]}")


def _signed(secret: str, now: float) -> dict[str, str]:
    """DingTalk's 加签: HMAC-SHA256 over ``timestamp\\nsecret`` in milliseconds."""
    stamp = str(round(now * 1000))
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}


def _secret(file: str, field: str) -> str:
    try:
        text = Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise InvalidInput(Fault("unreadable", field, f"读不到 {file}: {error.strerror}")) from None
    if not text:
        raise InvalidInput(Fault("empty", field, f"{file} 是空的 / is empty"))
    return text
