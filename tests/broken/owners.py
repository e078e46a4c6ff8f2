"""Breaks of ownership: who may still send, and whose answer counts."""

import io
from dataclasses import replace
from typing import Any
from unittest.mock import patch as unittest_patch

import consumers.publish
from consumers import claims, protocol
from stores.ledger import publications
from tests.broken import Break, Patch
from tests.simulation.world import World


def no_kill(patch: Patch) -> None:
    """A silent owner is replaced, but neither killed nor locked out."""

    def end_silent(world: World, name: str) -> None:
        old = world.processes.pop(name)
        world.zombies.append(old)
        world.note("not killed", name)
        world.restarts[name] = world.stage.now + 0.2

    patch(World, "end_silent", end_silent)
    patch(World, "account_lock", lambda _world, _path: io.StringIO())


def settle_zero(patch: Patch) -> None:
    """The outlet is asked, or asked again, as soon as the deadline is over."""

    def unsettled(spec: Any) -> Any:
        return spec.model_copy(update={"settle_s": 0.0})

    after_call, after_crash, claim = protocol.after_call, protocol.after_crash, claims.claim
    patch(
        consumers.publish,
        "after_call",
        lambda verb, answer, spec, **more: after_call(verb, answer, unsettled(spec), **more),
    )
    patch(
        consumers.publish,
        "after_crash",
        lambda verb, spec, **more: after_crash(verb, unsettled(spec), **more),
    )
    patch(
        claims,
        "claim",
        lambda ledger, spec, found, owner: claim(ledger, unsettled(spec), found, owner),
    )


def epoch_not_checked(patch: Patch) -> None:
    """The answer of an attempt that was taken over is written all the same."""
    real = publications.get
    finish = claims.finish

    def finish_anyway(ledger: Any, taken: Any, outcome: Any) -> None:
        def get(tx: Any, *place: Any) -> Any:
            row = real(tx, *place)
            return None if row is None else _Seeming(row, taken.attempt_id)

        with unittest_patch.object(publications, "get", get):
            finish(ledger, taken, outcome)

    patch(claims, "finish", finish_anyway)


class _Seeming:
    """A row that seems to belong to whoever asks."""

    def __init__(self, row: Any, attempt_id: str | None) -> None:
        self._row = row
        self.open_attempt = attempt_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)


def crash_forgotten(patch: Patch) -> None:
    """What a dead owner had open is simply sent again."""
    real = protocol.after_crash

    def after_crash(verb: Any, spec: Any, **more: Any) -> Any:
        made = real(verb, spec, **more)
        return replace(made, state="retry_wait") if made.state == "unknown" else made

    patch(consumers.publish, "after_crash", after_crash)


BREAKS: dict[str, Break] = {
    "no-kill": no_kill,
    "settle-zero": settle_zero,
    "epoch-not-checked": epoch_not_checked,
    "crash-forgotten": crash_forgotten,
}
