"""What a reviewer signs changes with every copy, and with nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.copy import ChannelCopy, CopyRef, copies_fingerprint
from schemas.hashing import fingerprint
from tests.fakes import STORY_ID
from tests.strategies import copy_refs, json_values

unique = st.lists(copy_refs, min_size=1, max_size=5, unique_by=lambda ref: ref.channel)


@given(unique, st.randoms())
def test_the_order_of_channels_does_not_matter(refs: list[CopyRef], random: object) -> None:
    turned = list(refs)
    random.shuffle(turned)  # type: ignore[attr-defined]  # Hypothesis' Random
    assert copies_fingerprint(turned) == copies_fingerprint(refs)


@given(unique, st.data())
def test_any_change_of_any_copy_changes_it(refs: list[CopyRef], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(refs) - 1))
    other = data.draw(copy_refs.filter(lambda c: (c.sha256, c.refused) != _said(refs[at])))
    changed = [*refs[:at], other.model_copy(update={"channel": refs[at].channel}), *refs[at + 1 :]]
    assert copies_fingerprint(changed) != copies_fingerprint(refs)
    assert copies_fingerprint(refs[:at] + refs[at + 1 :]) != copies_fingerprint(refs)


def _said(ref: CopyRef) -> tuple[str | None, str]:
    return ref.sha256, ref.refused


def test_a_refusal_is_not_mistaken_for_a_copy() -> None:
    real = CopyRef(channel="web", sha256="a" * 64)
    refused = CopyRef(channel="web", refused="a" * 64)
    assert copies_fingerprint([real]) != copies_fingerprint([refused])


@given(json_values)
def test_a_copy_is_the_same_bytes_after_reading(payload: object) -> None:
    copy = ChannelCopy(
        story_id=STORY_ID,
        number=7,
        version=1,
        channel="web",
        module="web",
        headline="标题",
        payload=payload,
    )
    again = ChannelCopy.model_validate_json(copy.model_dump_json())
    assert fingerprint(again) == fingerprint(copy)


@pytest.mark.parametrize("bad", [{"version": 0}, {"number": 0}, {"channel": "No"}])
def test_a_copy_names_a_real_version_and_channel(bad: dict[str, object]) -> None:
    fields = {"story_id": STORY_ID, "number": 1, "version": 1, "channel": "web", "module": "web"}
    with pytest.raises(ValidationError):
        ChannelCopy.model_validate({**fields, "headline": "题", "payload": None, **bad})
