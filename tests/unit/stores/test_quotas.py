"""Calls spent in a platform's day, which turns at midnight in Beijing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.beijing import SHANGHAI
from schemas.errors import QuotaUsed
from stores.ledger import quotas
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger

EVENING = datetime(2026, 11, 24, 15, 59, 0, tzinfo=UTC)  # 23:59 in Beijing


def spend(ledger: Ledger, now: datetime, *, verb: str = "create", channel: str = "wechat") -> int:
    with ledger.transaction() as tx:
        return quotas.spend(tx, channel, verb, 2, now)


def test_calls_are_counted_by_channel_verb_and_day(ledger: Ledger) -> None:
    assert [spend(ledger, EVENING), spend(ledger, EVENING)] == [1, 2]
    assert spend(ledger, EVENING, verb="query") == 1
    assert spend(ledger, EVENING, channel="douyin") == 1
    with pytest.raises(QuotaUsed, match="create") as used_up:
        spend(ledger, EVENING)
    assert used_up.value.retry_after_s == 65
    assert spend(ledger, EVENING + timedelta(seconds=65)) == 1


def test_a_refused_call_is_not_counted(ledger: Ledger) -> None:
    for _ in range(2):
        spend(ledger, EVENING)
    for _ in range(3):
        with pytest.raises(QuotaUsed):
            spend(ledger, EVENING)
    tomorrow = EVENING + timedelta(minutes=2)
    assert [spend(ledger, tomorrow), spend(ledger, tomorrow)] == [1, 2]


@given(st.datetimes(datetime(2025, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_wait_ends_just_after_midnight_there(now: datetime) -> None:
    ledger = open_ledger("sqlite://")
    metadata.tables["quotas"].create(ledger.engine)
    for _ in range(2):
        spend(ledger, now)
    with pytest.raises(QuotaUsed) as used_up:
        spend(ledger, now)
    wait_s = used_up.value.retry_after_s or 0
    then = (now + timedelta(seconds=wait_s)).astimezone(SHANGHAI)
    assert 0 < wait_s <= 86405
    assert (then.hour, then.minute, then.second) == (0, 0, 5)
    assert spend(ledger, now + timedelta(seconds=wait_s)) == 1
    ledger.close()
