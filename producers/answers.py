"""Errors as the API answers them: one shape, Chinese first."""

from collections.abc import Sequence
from dataclasses import asdict

from fastapi.responses import JSONResponse

from schemas.errors import Fault, PermanentError, PipelineError, StorageFull, Unavailable


def answer_of(status: int, faults: Sequence[Fault]) -> JSONResponse:
    """``{code, field, reason, next_step, faults: [...]}``; the first fault stands on top."""
    rows = [{k: _sendable(v) for k, v in asdict(fault).items()} for fault in faults]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["Retry-After"] = "5"
    return JSONResponse({**rows[0], "faults": rows}, status, headers=headers)


def _sendable(text: str) -> str:
    """What a sender wrote may hold lone surrogates, which no answer can."""
    return text.encode("utf-8", "backslashreplace").decode()


def faults_of_error(error: PipelineError) -> tuple[int, Sequence[Fault]]:
    """HTTP status and faults of an error of our tree."""
    if isinstance(error, PermanentError):
        return error.status, error.faults
    if isinstance(error, StorageFull):
        return 507, [
            Fault(
                "storage_full",
                "",
                "磁盘空间不足, 没有收下任何东西 / no room, nothing was taken",
                "请管理员清理磁盘后再传 / ask the operator to free disk, then send again",
            )
        ]
    part = error.part if isinstance(error, Unavailable) else ""
    return 503, [
        Fault(
            "unavailable",
            part,
            f"{part or '系统'}暂时不可用, 没有收下任何东西 / not available now, nothing was taken",
            "稍后重试 / try again shortly",
        )
    ]
