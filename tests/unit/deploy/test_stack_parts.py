"""The parts of the local stack that need no server: jars, Kafka's settings, S3's command line."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.stack import jars, kafka, s3
from deploy.stack.jars import Jar, JarsMissing
from schemas.settings import Settings
from tests.missing import without

BYTES = b"PK a jar"
JAR = Jar("org.apache.kafka", "kafka-clients", "4.3.1", hashlib.sha256(BYTES).hexdigest())


def fetch(jar: Jar, into: Path) -> Path:
    path = jar.path(into)
    path.parent.mkdir(parents=True)
    path.write_bytes(BYTES)
    return path


def refuse(jar: Jar, into: Path) -> Path:
    raise AssertionError("the network is not needed")


def test_jars_are_fetched_once_and_a_damaged_one_again(tmp_path: Path) -> None:
    assert jars.ensure_jars(tmp_path, [JAR], fetch) == 1
    assert jars.ensure_jars(tmp_path, [JAR], refuse) == 0
    place = tmp_path / "org/apache/kafka/kafka-clients/4.3.1/kafka-clients-4.3.1.jar"
    place.write_bytes(BYTES[:3])
    assert jars.ensure_jars(tmp_path, [JAR], fetch) == 1
    assert place.read_bytes() == BYTES


def test_other_bytes_than_the_locked_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "TRIES", 1)
    wrong = replace(JAR, sha256="0" * 64)
    with pytest.raises(JarsMissing, match=r"kafka-clients 4\.3\.1(.|\n)*jgo"):
        jars.ensure_jars(tmp_path, [wrong], fetch)
    assert not list(tmp_path.rglob("*.jar"))


def test_the_lock_is_whole_and_names_no_address() -> None:
    locked = jars.locked_jars()
    versions = {jar.artifact: jar.version for jar in locked}
    assert versions["kafka_2.13"] == versions["kafka-clients"] == "4.3.1"
    assert "slf4j-reload4j" in versions
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in locked)
    assert "http" not in jars.LOCK.read_text(encoding="utf-8")


def test_jars_lie_below_the_chosen_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOUFA_HOME", "/srv/首发 home")
    assert jars.jars_dir() == Path("/srv/首发 home/.cache/jars")


def test_kafka_listens_on_loopback_alone() -> None:
    settings = properties(Settings(port_base=9100))
    for key in ("listeners", "advertised.listeners"):
        assert settings[key] == "PLAINTEXT://127.0.0.1:9102,CONTROLLER://127.0.0.1:9103"
    assert settings["auto.create.topics.enable"] == "false"
    assert int(settings["offsets.retention.minutes"]) >= 60 * 24 * 30
    assert settings["min.insync.replicas"] == settings["default.replication.factor"] == "1"


def properties(settings: Settings, node: int = 1) -> dict[str, str]:
    text = kafka.server_properties(settings, node)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_three_nodes_keep_three_copies_and_acknowledge_by_two() -> None:
    three = Settings(port_base=9100, kafka_nodes=3)
    assert three.kafka_bootstrap == "127.0.0.1:9102,127.0.0.1:9112,127.0.0.1:9114"
    for node in kafka.nodes(three):
        settings = properties(three, node)
        assert settings["node.id"] == str(node)
        assert settings["offsets.topic.replication.factor"] == "3"
        assert settings["min.insync.replicas"] == "2"
        assert settings["controller.quorum.voters"] == (
            "1@127.0.0.1:9103,2@127.0.0.1:9113,3@127.0.0.1:9115"
        )
    assert len({kafka.node_dir(three, node) for node in kafka.nodes(three)}) == 3


def test_two_nodes_are_refused() -> None:
    with pytest.raises(ValidationError, match="either of them"):
        Settings(kafka_nodes=2)


@pytest.mark.parametrize(("begun", "asked"), [("logs", 3), ("1/logs", 1)])
def test_a_folder_goes_on_with_the_number_of_nodes_it_began_with(
    tmp_path: Path, begun: str, asked: int
) -> None:
    (tmp_path / "kafka" / begun).mkdir(parents=True)
    with pytest.raises(RuntimeError, match=f"--nodes {4 - asked}"):
        kafka.prepare_kafka(Settings(data=tmp_path, kafka_nodes=asked), "")


def test_s3_opens_only_our_ports_on_loopback_and_reports_to_nobody() -> None:
    settings = Settings(data=Path("/data"), port_base=9100)
    options = dict(word[1:].split("=", 1) for word in s3.s3_command(settings) if "=" in word)
    ports = {name: int(value) for name, value in options.items() if ".port" in name}
    opened = [number for number in ports.values() if number]
    assert sorted(opened) == list(range(9104, 9112))
    assert options["ip"] == options["ip.bind"] == "127.0.0.1"
    assert options["master.telemetry"] == "false"
    assert options["s3.autoCreateBucket"] == "false"
    assert "AWS_ACCESS_KEY_ID" not in s3.s3_environment(settings)


@pytest.mark.slow  # needs the real disk: one of memory has no such attribute
def test_the_synchronous_attribute_is_inherited(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_text("x")
    if not s3.make_synchronous(tmp_path):
        without("this file system has no such attribute")
    (tmp_path / "new").write_text("x")
    for name in (".", "old", "old/file", "new"):
        assert s3._is_synchronous(tmp_path / name), name
