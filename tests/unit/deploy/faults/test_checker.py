"""The checker's teeth: a run that breaks one promise is found out, a good one is not accused."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from deploy.faults import checker
from tests.unit.deploy.faults.a_run import BEGAN, WITHDRAWN, a_run, acts, item_of, row_of, sha

Row = dict[str, Any]
CLEAN = a_run()


def test_a_run_that_kept_all_promises_is_not_accused() -> None:
    assert checker.check(a_run()) == []


def test_figures_count_what_was_done() -> None:
    told = checker.figures(a_run())
    assert told["live"] == 6
    assert told["acts"]["sign_ok"] == 9


def two_live(e: Row) -> None:
    e["items"].append({**item_of(e, 1, "wechat"), "item_id": "again"})


def lost(e: Row) -> None:
    e["items"].remove(item_of(e, 1, "wechat"))


def left_to_a_person(e: Row) -> None:
    row_of(e, 1, "wechat")["state"] = "needs_person"


def deleted_twin(e: Row) -> None:
    e["items"].append({**item_of(e, 1, "wechat"), "item_id": "twin", "live": False})


def taken_as_new_twice(e: Row) -> None:
    item_of(e, 1, "tv")["creates"].append(BEGAN + 9000)


def receipt_of_another(e: Row) -> None:
    row = row_of(e, 1, "wechat")
    row["receipt"] = json.dumps({**json.loads(row["receipt"]), "item_id": "nobody's"})


def other_bytes(e: Row) -> None:
    item_of(e, 1, "web")["text_sha256"] = sha("something else")


def unsigned(e: Row) -> None:
    for act in acts(e, "sign", 1):
        act["outcome"] = "fail"


def one_person_signs_all(e: Row) -> None:
    for act in acts(e, "sign", 1):
        act["person"] = "reviewer-3"


def sent_before_it_was_signed(e: Row) -> None:
    item_of(e, 1, "wechat")["creates"] = [BEGAN]
    e["ledger"]["attempts"][1]["started_at"] = BEGAN - 10
    e["history"][3]["begun"] += 20_000


def another_copy(e: Row) -> None:
    row = row_of(e, 1, "wechat")
    row["receipt"] = json.dumps({**json.loads(row["receipt"]), "payload_sha256": sha("other")})


def copies_changed_after_signing(e: Row) -> None:
    next(c for c in e["ledger"]["copies"] if c["story_id"] == "s1")["sha256"] = sha("later")


def copy_not_in_s3(e: Row) -> None:
    del e["objects"][f"copies/{sha('1 wechat')}"]


def second_wave_first(e: Row) -> None:
    for channel in ("web", "wechat"):
        item_of(e, 1, channel).update(creates=[], live_at=None)
    e["sightings"] = [seen for seen in e["sightings"] if seen["story"] != 1]


def older_version_stands(e: Row) -> None:
    e["ledger"]["stories"][0]["approved_version"] = 2


def version_went_back(e: Row) -> None:
    seen = e["sightings"][0]
    e["sightings"] += [{**seen, "version": 2}, {**seen, "version": 1}]


def outlet_took_an_older_one(e: Row) -> None:
    item_of(e, 1, "tv")["versions"] = [2, 1]


def withdrawn_still_live(e: Row) -> None:
    item_of(e, WITHDRAWN, "wechat")["live"] = True


def created_after_withdrawal(e: Row) -> None:
    item_of(e, WITHDRAWN, "wechat")["creates"] = [BEGAN + 12_000 + 30_000]


def withdrawal_forgotten(e: Row) -> None:
    e["ledger"]["stories"][WITHDRAWN - 1]["withdrawn_at"] = None


def approval_forgotten(e: Row) -> None:
    e["ledger"]["stories"][0]["approved_version"] = None


def no_intent(e: Row) -> None:
    e["ledger"]["attempts"] = [a for a in e["ledger"]["attempts"] if a["story_id"] != "s1"]


def intent_after_the_call(e: Row) -> None:
    for attempt in e["ledger"]["attempts"]:
        attempt["started_at"] += 5000


def one_epoch_twice(e: Row) -> None:
    e["ledger"]["attempts"].append(dict(e["ledger"]["attempts"][0]))


def attempt_left_open(e: Row) -> None:
    e["ledger"]["attempts"][0]["ended_at"] = None


def two_submits_at_once(e: Row) -> None:
    submit = next(r for r in e["requests"] if r["path"].endswith("submit"))
    e["requests"].append({**submit, "at": submit["at"] + 5})


def over_quota(e: Row) -> None:
    e["requests"][0]["outcome"] = "45009"


def upload_lost_in_s3(e: Row) -> None:
    del e["objects"][f"originals/{sha('picture 1')}"]


def upload_damaged(e: Row) -> None:
    e["objects"][f"originals/{sha('picture 1')}"] = sha("other bytes")


def filing_not_told(e: Row) -> None:
    e["records"] = [r for r in e["records"] if r["key"] != "s1" or "filed" not in r["type"]]


def filing_lost(e: Row) -> None:
    acts(e, "file", 1)[0]["version"] = 2


def filed_twice(e: Row) -> None:
    e["ledger"]["stories"].append({**e["ledger"]["stories"][0], "id": "s9", "number": 9})


def record_never_sent(e: Row) -> None:
    e["ledger"]["outbox"][0]["sent_at"] = None


def record_lost_by_kafka(e: Row) -> None:
    e["records"].pop()


def events_say_something_else(e: Row) -> None:
    event = next(r for r in e["records"] if "delivery" in r["type"])
    event["data"] = {**event["data"], "state": "refused"}


def group_behind(e: Row) -> None:
    e["committed"]["shoufa-publish-web"]["release-orders.web/0"] = 2


def poison_swallowed(e: Row) -> None:
    e["history"].append(
        {"op": "poison", "topic": "t", "partition": 0, "offset": 5, "begun": 1, "outcome": "ok"}
    )


def poison_buried_twice(e: Row) -> None:
    poison_swallowed(e)
    letter = {"topic": "t", "kafka_partition": 0, "kafka_offset": 5, "consumer": "c", "cause": "x"}
    e["ledger"]["dead_letters"] += [letter, {**letter, "consumer": "d"}]


def good_record_buried(e: Row) -> None:
    e["ledger"]["dead_letters"].append(
        {"topic": "t", "kafka_partition": 0, "kafka_offset": 5, "consumer": "c", "cause": "x"}
    )


def never_quiet(e: Row) -> None:
    e["quiet_at"] = None


def stood_still(e: Row) -> None:
    e["quiet_at"] = e["healed_at"] + 200_000


BREAKS: list[tuple[str, Callable[[Row], None]]] = [
    ("I1", two_live), ("I1", lost), ("I1", left_to_a_person), ("I2", deleted_twin),
    ("I2", taken_as_new_twice), ("I3", receipt_of_another), ("I3", other_bytes), ("I4", unsigned),
    ("I4", one_person_signs_all), ("I4", sent_before_it_was_signed), ("I4", another_copy),
    ("I4", copies_changed_after_signing), ("I4", copy_not_in_s3), ("I5", second_wave_first),
    ("I6", older_version_stands), ("I6", version_went_back), ("I6", outlet_took_an_older_one),
    ("I1", withdrawn_still_live), ("I7", created_after_withdrawal), ("I7", withdrawal_forgotten),
    ("P5", approval_forgotten), ("I8", no_intent), ("I8", intent_after_the_call),
    ("I9", one_epoch_twice), ("I9", attempt_left_open), ("I10", two_submits_at_once),
    ("I11", over_quota), ("I12", upload_lost_in_s3), ("I12", upload_damaged),
    ("I12", filing_not_told), ("I12", filing_lost), ("P1", filed_twice), ("P1", record_never_sent),
    ("P1", record_lost_by_kafka), ("I13", events_say_something_else), ("I14", group_behind),
    ("I14", poison_swallowed), ("I14", poison_buried_twice), ("I14", good_record_buried),
    ("I16", never_quiet), ("I16", stood_still),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "spoil"), BREAKS, ids=lambda v: getattr(v, "__name__", v))
def test_a_broken_promise_is_found(promise: str, spoil: Callable[[Row], None]) -> None:
    evidence = copy.deepcopy(CLEAN)
    spoil(evidence)
    found = checker.check(evidence)
    assert promise in {violation.promise for violation in found}, found


def test_a_wave_may_open_at_its_fallback_time() -> None:
    evidence = copy.deepcopy(CLEAN)
    second_wave_first(evidence)
    item_of(evidence, 1, "tv")["creates"] = [BEGAN + 1300 + 46_000]
    assert "I5" not in {violation.promise for violation in checker.check(evidence)}


def test_a_correction_moves_no_fallback_time() -> None:
    evidence = copy.deepcopy(CLEAN)
    second_wave_first(evidence)
    for act in acts(evidence, "sign", 1):
        evidence["history"].append({**act, "version": 2, "begun": act["begun"] + 40_000})
    item_of(evidence, 1, "tv").update(creates=[BEGAN + 1300 + 46_000], versions=[2])
    assert "I5" not in {violation.promise for violation in checker.check(evidence)}
    item_of(evidence, 1, "tv")["creates"] = [BEGAN + 1300 + 42_000]
    assert "I5" in {violation.promise for violation in checker.check(evidence)}


def test_poison_that_the_power_cut_took_is_not_missed() -> None:
    evidence = copy.deepcopy(CLEAN)
    poison_swallowed(evidence)
    evidence["history"].append({"op": "fault", "kind": "power_cut", "struck": True, "begun": 2})
    assert checker.check(evidence) == []


def test_a_secret_is_found_wherever_it_stands() -> None:
    found = checker.find_secrets(
        {"reporter.key": "sf_secret_secret"},
        [("log/web.log", b"all fine"), ("story-events/0/1", b'{"note": "sf_secret_secret"}')],
    )
    assert [(v.promise, v.place) for v in found] == [("I18", "story-events/0/1")]
