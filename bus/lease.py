"""One owner on several hosts: take a lease, keep it, and end oneself when it cannot be kept.

On one host the supervisor kills and reaps a predecessor; nobody can do that on another host. So
an owner that could not renew ends its own process a third of a lease before the lease runs out,
by a monotonic clock, and a standby takes over only later: a third of a lease past its end, and
what the old owner's last call may take on top. Every transaction of an owner checks its epoch.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog
from sqlalchemy import Connection

from schemas.errors import PipelineError, Unavailable
from schemas.settings import Settings
from stores.ledger import leases
from stores.ledger.transaction import Ledger

log = structlog.get_logger("lease")

MOST_SKEW_S = 2.0
"""A host whose clock is further from the ledger's owns nothing: due times are wall time."""
LOST = 75
"""Exit status: the lease could not be kept; the supervisor starts a new standby."""


def identity(settings: Settings) -> str:
    """This data folder on this host: below it one supervisor sees to it that a slot is one
    process. Kept in the run folder."""
    path = settings.run_dir / "identity"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".identity.{os.getpid()}")
        draft.write_text(uuid.uuid4().hex[:12], encoding="ascii")
        with suppress(FileExistsError):  # another process of the same start made it
            os.link(draft, path)
        draft.unlink()
    return f"{socket.gethostname()[:60]}-{path.read_text(encoding='ascii')}"


def end_process(why: str) -> None:
    """At once, threads in the middle of a call too."""
    log.critical("lease.lost", why=why)
    os._exit(LOST)


class Keeper:
    """The leases of one process: renewed together, lost together."""

    def __init__(
        self,
        ledger: Ledger,
        settings: Settings,
        *,
        end: Callable[[str], None] = end_process,
    ) -> None:
        self.ledger = ledger
        self.owner = f"{identity(settings)}/{settings.process}"
        self.lasts_s = settings.lease_s
        self.margin_s = settings.lease_s / 3
        self._end = end
        self._held: dict[str, int] = {}
        self._good_until = 0.0
        """Monotonic: until then nobody else can have taken one of ours."""
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._renew_all, name="lease renew", daemon=True),
            threading.Thread(target=self._watch, name="lease watch", daemon=True),
        ]

    def take(self, name: str, *, wait_s: float = 0.0) -> Ledger | None:
        """The ledger for the owner of this lease, who may start at once; None while it must
        stand by, or while the ledger is away. ``wait_s``: what the longest call of a former
        owner may take."""
        wait_ms = round((self.margin_s + wait_s) * 1000)
        began = time.monotonic()
        try:
            with self.ledger.snapshot() as view:
                if not leases.is_free(view, name, self.owner, wait_ms=wait_ms):
                    return None
            with self.ledger.transaction() as tx:
                skew_s = leases.ledger_ms(tx) / 1000 - self.ledger.now().timestamp()
                if abs(skew_s) > MOST_SKEW_S:
                    log.error("lease.clock_is_off", seconds=round(skew_s, 1))
                    return None
                epoch = leases.take(tx, name, self.owner, lasts_ms=self._lasts_ms, wait_ms=wait_ms)
        except PipelineError as error:
            log.warning("lease.waiting", name=name, error=str(error))
            return None
        if epoch is None:
            return None
        log.info("lease.taken", name=name, epoch=epoch)
        good_until = began + self.lasts_s - self.margin_s
        self._good_until = min(self._good_until, good_until) if self._held else good_until
        self._held[name] = epoch
        if not self._threads[0].is_alive():
            for thread in self._threads:
                thread.start()
        return self.ledger.checked(partial(self._check, name, epoch))

    def dead(self, names: set[str]) -> set[str]:
        """Of the owners of these leases those that have surely ended themselves."""
        with self.ledger.snapshot() as view:
            return names - leases.living(view, names, wait_ms=round(self.margin_s * 1000))

    def close(self) -> None:
        """Give all up: whatever was owned has ended its work."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5)
        try:
            with self.ledger.transaction() as tx:
                for name, epoch in self._held.items():
                    leases.give_up(tx, name, epoch)
        except PipelineError as error:
            log.warning("lease.not_given_up", error=str(error))

    @property
    def _lasts_ms(self) -> int:
        return round(self.lasts_s * 1000)

    def _check(self, name: str, epoch: int, tx: Connection) -> None:
        late = time.monotonic() > self._good_until
        if late or not leases.is_held(tx, name, epoch):
            self._end(f"{name}: epoch {epoch} is over")
            raise Unavailable("lease", f"{name}: another process owns it")

    def _renew_all(self) -> None:
        while not self._stop.wait(self.lasts_s / 5):
            began = time.monotonic()
            try:
                # each row is changed by its epoch alone: it need wait for no other writer
                with self.ledger.transaction(locked=False) as tx:
                    lost = [
                        name
                        for name, epoch in list(self._held.items())
                        if not leases.renew(tx, name, epoch, lasts_ms=self._lasts_ms)
                    ]
            except PipelineError as error:
                log.warning("lease.not_renewed", error=str(error))
                continue
            if lost:
                self._end(f"taken by another process: {', '.join(lost)}")
                return
            self._good_until = began + self.lasts_s - self.margin_s

    def _watch(self) -> None:
        while not self._stop.wait(min(0.25, self.margin_s / 4)):
            if time.monotonic() > self._good_until:
                self._end("could not be renewed in time")
                return


def keeper_of(ledger: Ledger, settings: Settings) -> Keeper | None:
    """None on one host, where the supervisor's hand is enough."""
    return Keeper(ledger, settings) if ledger.shared else None
