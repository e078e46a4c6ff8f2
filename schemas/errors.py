"""The error tree of the pipeline.

PipelineError
├── TransientError     the other side may take it later; carries its own retry time
│   └── QuotaUsed      no more calls of this kind until the outlet's day turns
├── PermanentError     definite: this will never work as it is; carries code, field, next step
│   ├── InvalidInput   what came in cannot be taken (HTTP 4xx)
│   ├── Conflict       the version moved on, or the same key came with another body (409)
│   └── NotApproved    the ledger does not hold the sign-offs that this needs
├── UnknownOutcome     the call may or may not have been carried out
├── Unavailable        one of our own parts is away (ledger, S3, Kafka): nothing was done (503)
└── StorageFull        no room: nothing was acknowledged (507)
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One fault in what somebody sent: the shape of every API error."""

    code: str
    field: str
    reason: str
    """What is wrong, Chinese first, English after `` / ``."""
    next_step: str = ""


class PipelineError(Exception):
    """Base of all errors raised on purpose."""


class TransientError(PipelineError):
    """The other side did definitely not carry the call out, and may do so later.

    ``ours``: a part of our own was away, which says nothing about the outlet.
    """

    def __init__(
        self, reason: str, *, retry_after_s: float | None = None, ours: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.ours = ours


class QuotaUsed(TransientError):
    """The outlet takes no more calls of this kind until its day turns."""


class PermanentError(PipelineError):
    """Definite refusal; never retried as it is."""

    status = 422

    def __init__(self, *faults: Fault, status: int | None = None) -> None:
        super().__init__("; ".join(f"{f.field}: {f.reason}" for f in faults))
        self.faults = faults
        if status is not None:
            self.status = status


class InvalidInput(PermanentError):
    """What came in cannot be taken; nothing was changed."""


class Conflict(PermanentError):
    """The thing moved on meanwhile; nothing was changed."""

    status = 409


class NotApproved(PermanentError):
    """The required sign-offs are not in the ledger for exactly these bytes."""

    status = 403


class UnknownOutcome(PipelineError):
    """The call may have been carried out: never sent again on a guess."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unavailable(PipelineError):
    """One of our own parts cannot be reached; nothing was done."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part}: {reason}")
        self.part = part
        self.reason = reason


class StorageFull(PipelineError):
    """No room left; nothing was acknowledged."""
