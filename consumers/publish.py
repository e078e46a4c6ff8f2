"""A publisher: for each of its channels one thread that works and one that hears the orders."""

import fcntl
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import Row

from bus.bell import Bell
from bus.orders import OrderLoop, OrderSource
from consumers import claims
from consumers.media import AttemptMedia
from consumers.protocol import Answer, Next, after_call, after_confirm, after_crash, after_find
from consumers.rests import Rests
from schemas import keys
from schemas.channel import (
    Attempt,
    CannotRecall,
    Channel,
    ChannelSpec,
    Outside,
    Refused,
    marker,
)
from schemas.copy import ChannelCopy
from schemas.errors import (
    Fault,
    InvalidInput,
    PermanentError,
    PipelineError,
    TransientError,
    Unavailable,
    UnknownOutcome,
)
from schemas.hashing import sha256
from schemas.orders import Order, ProbeOrder, ReleaseOrder
from schemas.receipt import Receipt
from schemas.settings import Settings
from schemas.text import foreign
from schemas.topics import release_orders
from stores import objects
from stores.ledger import probes, publications
from stores.ledger.transaction import Ledger

log = structlog.get_logger("publish")

IDLE_S = 1.0
LOCK_PATIENCE_S = 20.0


class Publisher:
    """One channel's account: its consumer, its worker, its lock. One owner in the whole centre."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        store: objects.Objects,
        spec: ChannelSpec,
        module: Channel,
        outside: Outside,
        frozen: Callable[[], bool] = lambda: False,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.store = store
        self.spec = spec
        self.module = module
        self.account = module.connect(spec, outside)
        self.owner = f"{settings.process}/{spec.id}"
        self._stop = threading.Event()
        self._bell: Bell | None = None
        self.busy_since: float | None = None
        self.rests = Rests(ledger, spec.id)
        self.frozen = frozen
        """The clock is not to be trusted: nothing but recalls until what was under way is over."""
        self._probe: ProbeOrder | None = None
        self._lock = _lock(settings.run_dir / f"publish-{spec.id}.lock")
        self.orders = OrderLoop(ledger, settings.kafka_bootstrap, self._source(), self.ring)
        self._thread = threading.Thread(target=self._run, name=f"publish {spec.id}", daemon=True)

    def start(self) -> None:
        """Adopt what a dead owner left open, then work."""
        self._adopt()
        self._bell = Bell(self.ledger, release_orders(self.spec.id))
        self.orders.start()
        self._thread.start()

    def _adopt(self) -> None:
        lost = claims.adopt(self.ledger, self.spec, after_crash)
        if lost:
            log.warning("publish.adopted", channel=self.spec.id, rows=lost)

    def ask_to_stop(self) -> None:
        """No new work; what runs is left to end."""
        self._stop.set()
        self.ring()

    def stop(self) -> None:
        self.ask_to_stop()
        self.orders.stop()
        self._thread.join(timeout=self.spec.call_deadline_s)
        if self._bell is not None and not self._thread.is_alive():
            self._bell.close()
        self.account.close()
        self._lock.close()

    @property
    def ended(self) -> bool:
        """Stopped, and no call under way."""
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Both threads live, and no call is past its deadline by more than half a minute."""
        since = self.busy_since
        stuck = since is not None and time.monotonic() - since > self.spec.call_deadline_s + 30
        return self._thread.is_alive() and self.orders.alive and not stuck

    def ring(self) -> None:
        if self._bell is not None:
            self._bell.ring()

    def _source(self) -> OrderSource:
        return OrderSource(
            topic=release_orders(self.spec.id),
            group=f"shoufa-publish-{self.spec.id}",
            instance_id=f"publish-{self.spec.id}",
            place_of=partial(_place, self.spec.id),
            exists=lambda view, place: publications.get(view, *place) is not None,
            lasting=publications.lasting,
            rowless=self._take_probe,
            busy=lambda: self.busy_since is not None,
        )

    def _take_probe(self, order: Order) -> bool:
        """Left to the thread that publishes: it is that one whose life a probe proves."""
        if not isinstance(order, ProbeOrder) or order.channel != self.spec.id:
            return False
        self._probe = order
        self.ring()
        return True

    def _answer_probe(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            sent_at = round(probe.at.timestamp() * 1000)
            with self.ledger.transaction() as tx:
                probes.came(tx, self.spec.id, sent_at, at=self.ledger.now_ms())

    def _run(self) -> None:
        unsure = False
        while not self._stop.is_set():
            try:
                if unsure:  # a claim whose commit was not answered may stand; no call is under way
                    self._adopt()
                    unsure = False
                self._answer_probe()
                worked = self._work_once()
                self._tend()
                if not worked:
                    self._sleep()
            except PipelineError as error:
                log.warning("publish.waiting", channel=self.spec.id, error=str(error))
                unsure = True
                self._stop.wait(1.0)

    def _tend(self) -> None:
        """What the account left until the receipt was written."""
        tend = getattr(self.account, "tend", None)
        if tend is None:
            return
        try:
            tend()
        except TransientError as error:
            log.warning("publish.tending", channel=self.spec.id, reason=error.reason)
        except Exception:  # as for any call: a bug in a channel must not end the thread
            log.exception("publish.channel_failed", channel=self.spec.id)

    def _sleep(self) -> None:
        now = self.ledger.now_ms()
        resting = self.rests.breaker.resting(now)
        with self.ledger.snapshot() as view:
            alone = resting or self.frozen()
            soonest = publications.soonest(view, self.spec.id, recalls_alone=alone)
        if resting:
            until = self.rests.breaker.until
            soonest = min(until, soonest or until)
        wait_s = IDLE_S
        if soonest is not None:
            wait_s = min(IDLE_S, max(0.005, (soonest - now) / 1000))
        if self._bell is not None:
            self._bell.wait(wait_s)

    def _work_once(self) -> bool:
        now = self.ledger.now_ms()
        with self.ledger.snapshot() as view:
            found = publications.next_due(
                view,
                self.spec.id,
                now,
                recalls_alone=self.frozen() or self.rests.breaker.resting(now),
                after=self.rests.breaker.last if self.rests.breaker.rests else None,
            )
        if found is None:
            return False
        # before the claim: paused between the two, we must not send past what the claim says
        began = time.monotonic()
        taken = claims.claim(self.ledger, self.spec, found, self.owner)
        if taken is None:
            return True
        self.busy_since = began
        media = AttemptMedia(
            self.ledger,
            self.store,
            self.settings.spool_dir / self.spec.id / (taken.attempt_id or f"ask-{time.time_ns()}"),
        )
        try:
            outcome = self._carry_out(taken, media, began)
        finally:
            media.close()
            self.busy_since = None
        self._finish(taken, outcome)
        return True

    def _carry_out(self, taken: claims.Claim, media: AttemptMedia, began: float) -> Next:
        row = taken.row
        end = began + self.spec.call_deadline_s
        probing = False
        try:
            copy, payload = self._copy(taken)
            attempt = self._attempt(taken, copy, media, end)
        except (TransientError, Unavailable) as error:
            answer: Answer = TransientError(str(error))
        except (PermanentError, ValidationError) as error:
            told = f"渠道稿无法读取 / the frozen copy cannot be read: {error}"
            # of what the outlet may have taken already it says nothing
            asked = row.state in publications.ASKING or row.handle is not None
            answer = TransientError(told) if asked else Refused(told)
        else:
            answer = _readable(self._ask(partial(self._call_now, taken, payload, attempt)))
            probing = self.rests.note((row.story_id, row.channel, row.release), answer)
        self._log(row, answer)
        try:
            outcome = self._follow(row, answer, end)
            return replace(outcome, tries=row.tries) if probing else outcome
        except TypeError as error:
            # a channel that answers what its verb cannot mean: the same as no answer
            log.exception("publish.channel_failed", channel=self.spec.id)
            return self._follow(row, UnknownOutcome(str(error)), end)

    def _follow(self, row: Row[Any], answer: Answer, end: float) -> Next:
        spec, jitter = self.spec, random.random()  # noqa: S311  # no secret
        if row.state in publications.ASKING:
            return after_find(
                answer, spec, self.module.capabilities, tries=row.tries, jitter=jitter
            )
        if row.handle is not None:
            since = (self.ledger.now_ms() - (row.sent_before or row.updated_at)) / 1000
            return after_confirm(
                row.verb,
                answer,
                spec,
                handle=publications.loads(row.handle),
                tries=row.tries,
                accepted_for_s=since,
                jitter=jitter,
            )
        left = end - time.monotonic()
        return after_call(row.verb, answer, spec, tries=row.tries, left_s=left, jitter=jitter)

    def _call_now(self, taken: claims.Claim, payload: Any, attempt: Attempt) -> Answer:
        return self._call(taken, payload, attempt)()

    def _call(self, taken: claims.Claim, payload: Any, attempt: Attempt) -> Callable[[], Answer]:
        row, module, account = taken.row, self.module, self.account
        if row.state in publications.ASKING:
            return lambda: module.find(account, payload, attempt)
        if row.handle is not None:
            handle = publications.loads(row.handle)
            return lambda: module.confirm(account, payload, handle, attempt)
        if row.verb == "create":
            return lambda: module.submit(account, payload, attempt)
        receipt = Receipt.model_validate_json(row.receipt)
        if receipt.by and not module.capabilities.by_marker:
            return lambda: _by_hand(self.spec, row.verb, receipt)
        if row.verb == "update":
            return lambda: module.update(account, payload, receipt, attempt)
        reason = taken.withdrawn_reason or "更正 / corrected"
        return lambda: module.recall(account, receipt, reason, attempt)

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except (TransientError, UnknownOutcome) as error:
            return error
        except PermanentError as error:
            return Refused("；".join(f"{f.field}: {f.reason}" for f in error.faults))
        except (Unavailable, OSError) as error:
            log.warning("publish.outside_lost", channel=self.spec.id, error=str(error))
            return UnknownOutcome(f"{type(error).__name__}: {error}")
        except Exception as error:
            # a bug in a channel must neither end the thread nor lead to a second item
            log.exception("publish.channel_failed", channel=self.spec.id)
            return UnknownOutcome(f"{type(error).__name__}: {error}")

    def _copy(self, taken: claims.Claim) -> tuple[ChannelCopy, Any]:
        row, body = taken.row, taken.copy
        if body is None or sha256(body) != row.copy_sha256:
            body = objects.get(self.store, keys.copy(row.copy_sha256), row.copy_sha256)
        copy = ChannelCopy.model_validate_json(body)
        if (str(copy.story_id), copy.channel, copy.version) != (
            row.story_id,
            row.channel,
            row.version,
        ):
            raise PermanentError(Fault("wrong_copy", "copy_sha256", "the copy is another story's"))
        return copy, self.module.Payload.model_validate(copy.payload)

    def _attempt(
        self, taken: claims.Claim, copy: ChannelCopy, media: AttemptMedia, end: float
    ) -> Attempt:
        row = taken.row
        story_id = UUID(row.story_id)
        return Attempt(
            id=UUID(taken.attempt_id) if taken.attempt_id else story_id,
            story_id=story_id,
            number=taken.number,
            channel=row.channel,
            release=row.release,
            version=row.version,
            headline=copy.headline,
            payload_sha256=row.copy_sha256,
            marker=marker(story_id, row.channel, row.release),
            monotonic_end=end,
            media=media,
            checkpoints=publications.loads(row.checkpoints),
            checkpoint=partial(claims.checkpoint, self.ledger, taken),
            spend=partial(claims.spend, self.ledger, self.spec, taken),
        )

    def _finish(self, taken: claims.Claim, outcome: Next) -> None:
        """The outcome is written however long the ledger is away: it exists nowhere else. When
        told to stop it is tried once more, and else asked for at the next start. One that no
        ledger would take is a person's, who looks what stands there."""
        pause = 0.1
        while True:
            last = self._stop.is_set()
            try:
                claims.finish(self.ledger, taken, outcome)
            except (PermanentError, ValueError) as error:
                log.exception("publish.outcome_not_kept", channel=self.spec.id)
                if outcome.reason.startswith(claims.NOT_KEPT):
                    raise
                outcome = claims.not_kept(self.spec, error)
            except PipelineError as error:
                log.warning("publish.outcome_waits", channel=self.spec.id, error=str(error))
                if last:
                    return
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)
            else:
                return

    def _log(self, row: Row[Any], answer: Answer) -> None:
        log.info(
            "publish.answer",
            story_id=row.story_id,
            channel=row.channel,
            release=row.release,
            version=row.version,
            verb=row.verb,
            answer=type(answer).__name__,
            reason=getattr(answer, "reason", ""),
        )


def _readable(answer: Answer) -> Answer:
    """The same answer, its words fit for the ledger, the log and the topic."""
    said = getattr(answer, "reason", None)
    if said is None:
        return answer
    if isinstance(answer, TransientError | UnknownOutcome):
        answer.reason = foreign(str(said))
        return answer
    return replace(answer, reason=foreign(str(said)))  # type: ignore[arg-type]  # it has one


def _by_hand(spec: ChannelSpec, verb: str, receipt: Receipt) -> Refused | CannotRecall:
    """What a person typed in, a person changes: at the outlet a mistyped id looks like an item
    that is gone."""
    where = receipt.url or receipt.item_id
    told = f"回执由{receipt.by_name}人工登记, 请手动处理: {where} / typed in by hand"
    return CannotRecall(spec.contact, told) if verb == "recall" else Refused(told, "typed_in")


def _place(channel: str, order: Order) -> publications.Place:
    if not isinstance(order, ReleaseOrder) or order.channel != channel:
        raise InvalidInput(Fault("wrong_order", "channel", f"not an order for {channel}"))
    return str(order.story_id), order.channel, order.release


def _lock(path: Path) -> Any:
    """Hold the account's lock; the descriptor reaches no child. Raises Unavailable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    end = time.monotonic() + LOCK_PATIENCE_S
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        if time.monotonic() > end:
            raise Unavailable("lock", f"another process owns {path.name}")
        time.sleep(0.1)
