import hashlib
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from deploy.simulators.station import Station, open_station, read_library, sweep, watch
from deploy.simulators.station_checks import SidecarPaths
from tests.unit.deploy.simulators.callers import NOON_MS, StandingClock

MXF = b"\x06\x0e\x2b\x34" + b"programme" * 100


@pytest.fixture
def station(tmp_path: Path, clock: StandingClock) -> Station:
    return open_again(tmp_path, clock)


def open_again(root: Path, clock: StandingClock, **options: Any) -> Station:
    return open_station(station_at(root, clock=clock, **options))


def station_at(root: Path, **options: Any) -> Station:
    folders = {name: root / name for name in ("tv", "tv_ack", "newspaper", "newspaper_ack")}
    arguments: dict[str, Any] = folders | options
    return Station(root / "state", **arguments)


def sidecar(
    station: Station,
    *,
    name: str = "QH20261124-001.mxf",
    verb: str = "new",
    delivery_id: str = "d1",
    data: bytes = MXF,
    md5: str | None = None,
    size: int | None = None,
    base: str = "QH20261124-001",
) -> None:
    """The sidecar as a station's own template may look."""
    digest = hashlib.md5(data).hexdigest() if md5 is None else md5
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><Ingest><Id>{delivery_id}</Id><Verb>{verb}</Verb>'
        f"<Title>秋收开镰</Title><File><Name>{name}</Name>"
        f"<Size>{len(data) if size is None else size}</Size><MD5>{digest.upper()}</MD5></File>"
        "</Ingest>"
    )
    place(station.tv / f"{base}.xml", text.encode())


def place(target: Path, data: bytes) -> None:
    """Write under another name, then rename: as a careful sender does."""
    partial = target.with_name(target.name + ".part")
    partial.write_bytes(data)
    partial.replace(target)


def tv_ack(station: Station, base: str = "QH20261124-001") -> dict[str, Any]:
    ack: dict[str, Any] = json.loads((station.tv_ack / f"{base}.ack.json").read_text("utf-8"))
    return ack


def test_a_programme_is_taken_and_acknowledged(station: Station) -> None:
    (station.tv / "QH20261124-001.mxf").write_bytes(MXF)
    assert sweep(station) == 0
    sidecar(station)
    assert sweep(station) == 1
    assert tv_ack(station) == {
        "id": "d1",
        "result": "ok",
        "reason": "",
        "at": NOON_MS,
        "name": "QH20261124-001.mxf",
        "md5": hashlib.md5(MXF).hexdigest(),
    }
    assert (station.state_dir / "tv" / "QH20261124-001.mxf").read_bytes() == MXF
    assert (station.tv / "QH20261124-001.mxf").exists()
    assert sweep(station) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"md5": "0" * 32}, "another MD5"),
        ({"size": 7}, f"has {len(MXF)} bytes, not 7"),
        ({"md5": ""}, "lacks size or MD5"),
        ({"name": "other.mxf"}, "other.mxf is missing"),
        ({"name": "../tv/QH20261124-001.mxf"}, "leaves the folder"),
        ({"name": ""}, "leaves the folder"),
        ({"verb": "publish"}, "unknown verb"),
        ({"verb": ""}, "unknown verb"),
        ({"delivery_id": ""}, "no id"),
    ],
)
def test_a_programme_that_is_not_as_its_sidecar_says_is_refused(
    station: Station, changes: dict[str, Any], reason: str
) -> None:
    (station.tv / "QH20261124-001.mxf").write_bytes(MXF)
    sidecar(station, **changes)
    sweep(station)
    ack = tv_ack(station)
    assert ack["result"] == "error"
    assert reason in ack["reason"]
    assert list((station.state_dir / "tv").iterdir()) == []


@pytest.mark.parametrize(
    "raw",
    [b"<Ingest>", b"", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<a>" + b" " * 1024 * 1024],
)
def test_a_sidecar_that_cannot_be_read_is_answered(station: Station, raw: bytes) -> None:
    place(station.tv / "broken.xml", raw)
    sweep(station)
    assert tv_ack(station, "broken")["result"] == "error"


def test_a_file_that_only_bears_the_name_of_mxf_is_refused(station: Station) -> None:
    data = b"\x00\x00\x00\x18ftypmp42"
    (station.tv / "QH20261124-001.mxf").write_bytes(data)
    sidecar(station, data=data)
    sweep(station)
    assert "not an MXF" in tv_ack(station)["reason"]


def test_files_that_are_still_being_written_are_left_alone(station: Station) -> None:
    (station.tv / "QH20261124-001.xml.part").write_bytes(b"<Ing")
    (station.tv / ".QH20261124-002.xml").write_bytes(b"<Ing")
    (station.newspaper / ".p1").mkdir()
    (station.newspaper / ".p1" / "manifest.json").write_bytes(b"{")
    (station.newspaper / "p1.part").mkdir()
    (station.newspaper / "p1.part" / "manifest.json").write_bytes(b"{")
    assert sweep(station) == 0


def test_a_name_used_again_is_answered_with_the_new_id(
    station: Station, clock: StandingClock
) -> None:
    media = station.tv / "QH20261124-001.mxf"
    media.write_bytes(MXF)
    sidecar(station)
    sweep(station)
    place(media, MXF + b"v2")
    sidecar(station, verb="update", delivery_id="d2", data=MXF + b"v2")
    clock.advance(5)
    sweep(station)
    assert (tv_ack(station)["id"], tv_ack(station)["at"]) == ("d2", NOON_MS + 5000)
    assert (station.state_dir / "tv" / media.name).read_bytes() == MXF + b"v2"
    sidecar(station, verb="delete", delivery_id="d3", md5="", size=0)
    sweep(station)
    assert (tv_ack(station)["id"], tv_ack(station)["result"]) == ("d3", "ok")
    assert not (station.state_dir / "tv" / media.name).exists()
    sidecar(station, verb="delete", delivery_id="d4", md5="", size=0)
    sweep(station)
    assert "not in the library" in tv_ack(station)["reason"]
    assert [line["id"] for line in read_library(station)] == ["d1", "d2", "d3", "d4"]


def test_the_station_sets_the_names_of_the_elements(tmp_path: Path, clock: StandingClock) -> None:
    paths = SidecarPaths(
        name=".//素材/文件名", size=".//素材/大小", md5=".//素材/校验", id=".//编号", verb=".//操作"
    )
    station = open_again(tmp_path, clock, paths=paths)
    (station.tv / "a.mxf").write_bytes(MXF)
    text = (
        f"<入库单><编号>d9</编号><操作>new</操作><素材><文件名>a.mxf</文件名><大小>{len(MXF)}</大小>"
        f"<校验>{hashlib.md5(MXF).hexdigest()}</校验></素材></入库单>"
    )
    place(station.tv / "a.xml", text.encode())
    sweep(station)
    assert (tv_ack(station, "a")["id"], tv_ack(station, "a")["result"]) == ("d9", "ok")


def package(station: Station, delivery_id: str = "n1", verb: str = "new", **changes: Any) -> None:
    """A story's package for the page desk: two files, one of them in a folder."""
    folder = station.newspaper / "story-1"
    files = {"story.txt": "今日开镰\n".encode(), "pictures/1.jpg": b"\xff\xd8picture"}
    listed = []
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        listed.append(
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} | changes
        )
    manifest = {"id": delivery_id, "verb": verb, "files": listed if verb != "withdraw" else []}
    place(folder / "manifest.json", json.dumps(manifest).encode())


def newspaper_ack(station: Station) -> dict[str, Any]:
    ack: dict[str, Any] = json.loads((station.newspaper_ack / "story-1.ack.json").read_text())
    return ack


def test_a_package_is_taken_updated_and_withdrawn(station: Station) -> None:
    package(station)
    sweep(station)
    assert newspaper_ack(station) == {
        "id": "n1",
        "result": "ok",
        "reason": "",
        "at": NOON_MS,
        "name": "story-1",
        "md5": "",
    }
    kept = station.state_dir / "newspaper" / "story-1"
    assert (kept / "pictures" / "1.jpg").read_bytes() == b"\xff\xd8picture"
    package(station, "n2", "update")
    sweep(station)
    assert (newspaper_ack(station)["id"], newspaper_ack(station)["result"]) == ("n2", "ok")
    package(station, "n3", "withdraw")
    sweep(station)
    assert (newspaper_ack(station)["id"], newspaper_ack(station)["result"]) == ("n3", "ok")
    assert not kept.exists()
    package(station, "n4", "withdraw")
    sweep(station)
    assert "not in the library" in newspaper_ack(station)["reason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sha256": "0" * 64}, "another SHA256"),
        ({"size": 1}, "not 1 bytes long"),
        ({"name": "missing.txt"}, "missing.txt is missing"),
        ({"name": "../../etc/passwd"}, "leaves the folder"),
        ({"name": "/etc/passwd"}, "leaves the folder"),
    ],
)
def test_a_package_that_is_not_as_its_manifest_says_is_refused(
    station: Station, changes: dict[str, Any], reason: str
) -> None:
    package(station, **changes)
    sweep(station)
    assert newspaper_ack(station)["result"] == "error"
    assert reason in newspaper_ack(station)["reason"]
    assert list((station.state_dir / "newspaper").iterdir()) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"id": "n1", "verb": "new"}',
        b'{"verb": "new", "files": []}',
        b'{"id": "n1", "verb": "print", "files": []}',
        b'{"id": "n1", "verb": "new", "files": ["a"]}',
    ],
)
def test_a_manifest_that_is_not_as_agreed_is_answered(station: Station, raw: bytes) -> None:
    (station.newspaper / "story-1").mkdir()
    place(station.newspaper / "story-1" / "manifest.json", raw)
    sweep(station)
    assert newspaper_ack(station)["result"] == "error"


def test_a_restart_answers_nothing_twice_and_finishes_what_was_cut_off(
    tmp_path: Path, clock: StandingClock, station: Station
) -> None:
    (station.tv / "QH20261124-001.mxf").write_bytes(MXF)
    sidecar(station)
    sweep(station)
    answered = tv_ack(station)
    (station.tv_ack / "QH20261124-001.ack.json").unlink()
    with (station.state_dir / "library.jsonl").open("ab") as library:
        library.write(b'{"desk": "tv", "torn')
    clock.advance(60)
    again = open_again(tmp_path, clock)
    assert sweep(again) == 0
    assert tv_ack(again) == answered
    sidecar(again, delivery_id="d2")
    sweep(again)
    assert [line["id"] for line in read_library(again)] == ["d1", "d2"]


def test_the_loop_answers_until_it_is_stopped(tmp_path: Path) -> None:
    station = station_at(tmp_path)
    stop = threading.Event()
    loop = threading.Thread(target=watch, args=(station, stop), kwargs={"poll_s": 0.01})
    loop.start()
    try:
        deadline = time.monotonic() + 5
        while not station.newspaper_ack.exists():
            assert time.monotonic() < deadline
            os.sched_yield()
        package(station)
        while not (station.newspaper_ack / "story-1.ack.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        stop.set()
        loop.join(5)
    assert not loop.is_alive()
    assert abs(newspaper_ack(station)["at"] - time.time() * 1000) < 10_000
