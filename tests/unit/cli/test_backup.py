"""A backup of a running ledger, and what can be made of it when the ledger is gone."""

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from cli import backups, recovery
from producers import acts
from schemas.errors import InvalidInput
from stores.backup_places import Bucket, Folder
from stores.ledger import backup
from stores.ledger.migrate import migrate
from stores.ledger.transaction import open_ledger
from tests.centre import REVIEWERS, CentreInMemory, Outlet
from tests.recovering import as_centre, content, lose_ledger, on_kafka


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path / "data",
        [Outlet("web", 1), Outlet("wechat", 1, can_update=False), Outlet("tv", 2)],
        settle_s=1.0,
        call_deadline_s=5.0,
    )
    made.ledger.close()
    (tmp_path / "data" / "ledger.db").unlink()
    migrate(made.ledger, tmp_path / "data" / "upgrades")  # with the revision, as a real one
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "copies")


def rest(centre: CentreInMemory) -> None:
    for _ in range(3):
        centre.pump()
        centre.pass_time(70)
    centre.pump()


def restore(
    centre: CentreInMemory, place: Folder, *, kafka: list | None = None, at: str = ""
) -> recovery.Recovered:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "read_all", lambda _bootstrap, _told: iter(kafka or []))
        told = recovery.restore(
            as_centre(centre),
            lambda _: None,
            source=str(place.root),
            at=at,
            kafka=kafka is not None,
            now=lambda: centre.now,
        )
    centre.ledger.close()
    return told


def copy(centre: CentreInMemory, place: Folder) -> backup.Backup:
    return backup.copy(centre.ledger, place, product="0.1.0")


def test_restored_from_the_copy_the_events_since_and_kafka(
    centre: CentreInMemory, place: Folder
) -> None:
    first = centre.publish("一")
    rest(centre)
    made = copy(centre, place)
    second = centre.publish("二")
    rest(centre)
    backup.add_events(centre.ledger, place, made)
    third = centre.publish("三")
    rest(centre)
    before, kafka = content(centre.ledger), on_kafka(centre.ledger)
    logs = {name: list(outlet.log) for name, outlet in centre.outlets.items()}
    lose_ledger(centre)

    told = restore(centre, place, kafka=kafka)
    assert told.strange == []
    assert (told.asked, told.held) == (0, 0)
    after = content(centre.ledger)
    assert {n: after[n] for n in before if n != "audit"} == {
        n: before[n] for n in before if n != "audit"
    }
    rest(centre)
    for story in (first, second, third):
        assert set(centre.states(story).values()) == {"live"}
    assert {name: outlet.log for name, outlet in centre.outlets.items()} == logs


def test_without_kafka_what_the_copy_does_not_know_waits_for_a_person(
    centre: CentreInMemory, place: Folder
) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    copy(centre, place)
    rest(centre)
    logs = {name: list(outlet.log) for name, outlet in centre.outlets.items()}
    assert all(logs.values())
    lose_ledger(centre)

    assert restore(centre, place).held == 1
    rest(centre)
    assert "核对" in centre.rows(story)["web"]["reason"]
    acts.resume(centre.desk, REVIEWERS[3], str(story))
    rest(centre)
    assert set(centre.states(story).values()) == {"live"}
    assert {name: outlet.log for name, outlet in centre.outlets.items()} == logs


def test_a_copy_of_a_day_ago_is_taken_when_asked_for(centre: CentreInMemory, place: Folder) -> None:
    old = copy(centre, place)
    centre.pass_time(86_400)
    centre.publish()
    copy(centre, place)
    assert restore(centre, place, at=old.name).rows["stories"] == 0
    with pytest.raises(InvalidInput, match="there is no such backup"):
        restore(centre, place, at="19700101T000000000Z")


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("ledger.db.gz", "ledger.db.gz"),
        ("events-000001.jsonl.gz", "events-000001.jsonl.gz"),
        ("events-000002.jsonl.gz", "events-000002.jsonl.gz"),
        ("manifest.json", "manifest.json"),
    ],
)
@pytest.mark.parametrize("how", ["flip", "cut", "gone"])
def test_a_damaged_backup_is_refused_by_name_and_nothing_is_changed(
    centre: CentreInMemory, place: Folder, file: str, named: str, how: str
) -> None:
    made = copy(centre, place)
    for headline in ("一", "二"):
        centre.file(headline)
        centre.pump()
        made = backup.add_events(centre.ledger, place, made)
    before = content(centre.ledger)
    path = place.root / made.name / file
    data = path.read_bytes()
    middle = len(data) // 2
    if how == "flip":
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :])
    elif how == "cut":
        path.write_bytes(data[:middle])
    else:
        path.unlink()
    if (file, how) == ("events-000002.jsonl.gz", "gone"):
        return  # the last one: what is not there was not saved
    with pytest.raises(InvalidInput) as refused:
        restore(centre, place)
    told = str(refused.value)
    following = "events-000002" if (file, how) == ("events-000001.jsonl.gz", "gone") else named
    assert following in told or (how == "gone" and "no such backup" in told)
    assert content(centre.ledger) == before


def test_segments_swapped_are_found(centre: CentreInMemory, place: Folder) -> None:
    made = copy(centre, place)
    for headline in ("一", "二"):
        centre.file(headline)
        made = backup.add_events(centre.ledger, place, made)
    one, two = (place.root / made.name / name for name in made.segments)
    one_bytes, two_bytes = one.read_bytes(), two.read_bytes()
    one.write_bytes(two_bytes)
    two.write_bytes(one_bytes)
    with pytest.raises(InvalidInput, match="chain of hashes"):
        restore(centre, place)


@pytest.mark.parametrize(
    ("field", "value"), [("format", 99), ("tables", "9999"), ("last_seq", "x")]
)
def test_a_backup_of_a_newer_build_is_refused_with_the_field(
    centre: CentreInMemory, place: Folder, field: str, value: object
) -> None:
    made = copy(centre, place)
    path = place.root / made.name / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(InvalidInput, match=f"manifest.json {field}"):
        restore(centre, place)


def test_a_copy_that_was_cut_off_does_not_count(centre: CentreInMemory, place: Folder) -> None:
    whole = copy(centre, place)
    half = place.root / "20991231T000000000Z"
    half.mkdir()
    (half / "ledger.db.gz").write_bytes(b"half")
    (half / "manifest.json.part").write_text("{")
    assert [b.name for b in backup.backups(place)] == [whole.name]


def test_the_newest_and_one_a_day_are_kept(centre: CentreInMemory, place: Folder) -> None:
    names = []
    for _ in range(12):
        names.append(copy(centre, place).name)
        centre.pass_time(6 * 3600)
    gone = backup.prune(place, keep=2, days=2, now=centre.now - timedelta(hours=6))
    assert set(names) - set(gone) == {b.name for b in backup.backups(place)}
    kept = [n for n in names if n not in gone]
    assert kept[-2:] == names[-2:]
    assert len({n[:8] for n in kept}) == 2


def test_nothing_new_makes_no_new_copy(centre: CentreInMemory, place: Folder) -> None:
    def run(*, events_only: bool = False) -> str:
        told = backups.back_up(
            centre.settings, centre.ledger, str(place.root), events_only=events_only
        )
        return str(told["name"])

    centre.publish()
    first = run()
    centre.pass_time(900)
    assert run() == first
    centre.publish()
    assert run(events_only=True) == first
    assert len(backup.backups(place)[0].segments) == 1
    centre.pass_time(900)
    assert run() != first
    assert json.loads((centre.settings.run_dir / "backup.json").read_text())["name"] != first


def test_a_segment_holds_what_the_outbox_said(centre: CentreInMemory, place: Folder) -> None:
    made = copy(centre, place)
    story = centre.file()
    made = backup.add_events(centre.ledger, place, made)
    with gzip.open(place.root / made.name / made.segments[0], "rt") as file:
        lines = [json.loads(line) for line in file]
    assert lines[0]["segment"] == 1
    assert {line["key"] for line in lines[1:]} == {str(story)}


def test_s3_takes_a_backup_too(centre: CentreInMemory, tmp_path: Path) -> None:
    class Client:
        """The calls of a bucket, in memory."""

        def __init__(self) -> None:
            self.objects: dict[str, bytes] = {}

        def upload_file(self, path: str, _bucket: str, key: str, **_: object) -> None:
            self.objects[key] = Path(path).read_bytes()

        def download_file(self, _bucket: str, key: str, path: str) -> None:
            Path(path).write_bytes(self.objects[key])

        def get_paginator(self, _name: str) -> "Client":
            return self

        def paginate(self, *, Bucket: str, Prefix: str) -> list:  # noqa: N803
            assert Bucket == "b"
            return [{"Contents": [{"Key": k} for k in self.objects if k.startswith(Prefix)]}]

    from stores.objects import Objects

    bucket = Bucket(Objects(Client(), "b"), "centre/ledger")  # type: ignore[arg-type]
    centre.publish()
    made = backup.copy(centre.ledger, bucket, product="0.1.0")
    centre.file()
    backup.add_events(centre.ledger, bucket, made)
    (found,) = backup.backups(bucket)
    manifest, rows = backup.fetch(bucket, found, tmp_path / "back.db")
    back = open_ledger(f"sqlite:///{tmp_path}/back.db")
    with back.snapshot() as view:
        assert view.execute(text("SELECT COUNT(*) FROM stories")).scalar() == 1
    assert next(rows).seq == manifest.last_seq + 1
    back.close()
