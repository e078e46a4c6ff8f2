"""Passwords: argon2id, one at a time so that a rush of sign-ins costs the memory of one."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_ONE = threading.Lock()
SHORTEST = 10
LONGEST = 200


@cache
def _hasher() -> PasswordHasher:
    """19 MiB, two passes: OWASP's password storage cheat sheet."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(password: str) -> str:
    with _ONE:
        return _hasher().hash(password)


@cache
def _nobody() -> str:
    return hashed("nobody has this password")


def fits(kept: str | None, password: str) -> bool:
    """Whether it is the one; takes as long where there is none to compare with."""
    against = kept or _nobody()
    with _ONE:
        try:
            _hasher().verify(against, password)
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def too_weak(password: str, *, about: tuple[str, ...]) -> str:
    """Why it may not be chosen, or nothing. ``about``: what everybody knows of the person."""
    if len(password) < SHORTEST:
        return f"密码至少 {SHORTEST} 个字符 / at least {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"密码最多 {LONGEST} 个字符 / at most {LONGEST} characters"
    if len(set(password)) < 5:
        return "密码太单调, 多用几个不同的字符 / too few different characters"
    if any(len(word) > 2 and word.casefold() in password.casefold() for word in about):
        return "密码里不要有账号或单位名 / leave out your account's and the centre's name"
    return ""
