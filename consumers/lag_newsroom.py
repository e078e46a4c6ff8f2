"""The ledger's side of lag: what waits at each outlet, and the transcodes in hand."""

from collections.abc import Callable, Sequence

from consumers.lag_math import Job
from consumers.lag_outlets import NewsroomSeen, OutletSeen
from consumers.lag_status import Rules
from schemas.channel import ChannelSpec
from schemas.topics import ADAPT_ORDERS, STORY_EVENTS, TRANSCODE_ORDERS, release_orders
from stores.ledger import lag_view, rests, views
from stores.ledger.transaction import Ledger

CORE_GROUP = "shoufa-core"
TRANSCODE_GROUP = "shoufa-transcode"

Newsroom = Callable[[int], NewsroomSeen]
"""Wall time (ms) of the look before → the ledger now. Raises PipelineError when it is away."""


def publish_group(channel: str) -> str:
    return f"shoufa-publish-{channel}"


def groups_of(specs: Sequence[ChannelSpec]) -> dict[str, str]:
    """Topic → the group of ours that reads it."""
    ours = {STORY_EVENTS: CORE_GROUP, ADAPT_ORDERS: CORE_GROUP, TRANSCODE_ORDERS: TRANSCODE_GROUP}
    return ours | {release_orders(spec.id): publish_group(spec.id) for spec in specs}


def rules_of(specs: Sequence[ChannelSpec], window_s: float) -> Callable[[str, str], Rules]:
    """Our own consumers begin at the start of a topic, and have deadlines of their own; all other
    groups get the general rules."""
    foreign = Rules(window_s=window_s)
    ours = {
        (CORE_GROUP, STORY_EVENTS): Rules(30.0, window_s, "earliest"),
        (CORE_GROUP, ADAPT_ORDERS): Rules(60.0, window_s, "earliest"),
        (TRANSCODE_GROUP, TRANSCODE_ORDERS): Rules(60.0, window_s, "earliest"),
    }
    for spec in specs:
        deadline = spec.call_deadline_s + spec.settle_s + 15
        place = publish_group(spec.id), release_orders(spec.id)
        ours[place] = Rules(deadline, window_s, "earliest")
    return lambda group, topic: ours.get((group, topic), foreign)


def reader(ledger: Ledger, specs: Sequence[ChannelSpec]) -> Newsroom:
    """Reads the ledger in one short snapshot each time."""

    def read(before_ms: int) -> NewsroomSeen:
        now = ledger.now_ms()
        with ledger.snapshot() as view:
            found = lag_view.channels(view, now)
            letters = lag_view.open_letters(view)
            open_, done = lag_view.jobs(view, before_ms)
            resting = {name: views.resting(rest) for name, rest in rests.all_of(view).items()}
        outlets = []
        for spec in sorted(specs, key=lambda s: (s.wave, s.id)):
            row = found.get(spec.id, lag_view.ChannelRow())
            if not spec.active and not (row.waiting or row.failed):
                continue
            outlets.append(
                OutletSeen(
                    channel=spec.id,
                    name=spec.name,
                    wave=spec.wave,
                    group=publish_group(spec.id),
                    limit_s=spec.late_after_s,
                    waiting=tuple(row.waiting),
                    media=tuple(row.media),
                    failed=row.failed + letters.get(release_orders(spec.id), 0),
                    moved_ms=row.moved_ms,
                    resting=resting.get(spec.id, "").partition(" / ")[0],
                )
            )
        jobs = {
            (job.source_sha256, job.recipe): Job(
                working=job.working,
                cost_s=float(job.cost_s),
                percent=job.progress,
                silent_s=max(0.0, (now - job.updated_ms) / 1000),
            )
            for job in open_
        }
        return NewsroomSeen(now, tuple(outlets), jobs, frozenset(done))

    return read


def progressing(seen: NewsroomSeen, limits: Callable[[str, str], Rules]) -> dict[str, bool]:
    """Group → a call began or ended within its deadline. Kafka cannot tell: a commit waits for
    the first row of its partition, while the ledger takes the rows in another order."""
    found = {}
    for one in seen.outlets:
        limit_s = limits(one.group, release_orders(one.channel)).deadline_s
        moved = one.moved_ms is not None and seen.at_ms - one.moved_ms <= limit_s * 1000
        found[one.group] = moved and bool(one.waiting)
    return found
