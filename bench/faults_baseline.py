"""A plain queue worker under the outlet-side faults, judged by the checks of ``./run faults``.

Real Kafka, the simulated WeChat and Douyin, the same network and the same kinds of faults: answer
lost, request late, reset, cut, worker killed and paused, broker killed. Orders to create are
produced at an even pace; a tenth is deleted again. What is counted: creates that an outlet took
twice, and orders that left no live item (or one that should be gone).
"""

import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from kafka.errors import KafkaError

from bus.topics import make_topics
from deploy import supervise
from deploy.demo.clips import write_clips
from deploy.demo.pictures import write_pictures
from deploy.faults import evidence, records
from deploy.faults.checks import outlets
from deploy.faults.checks.view import View
from deploy.faults.harness import heal, prepare_platforms
from deploy.faults.history import History
from deploy.faults.newsroom import Newsroom
from deploy.faults.places import HERE, Places
from deploy.faults.proxy import Network
from deploy.faults.schedule import schedule
from deploy.faults.stack import advertise
from deploy.faults.stories import Library, token
from deploy.faults.strike import strike
from deploy.faults.striking import Field
from deploy.process_spec import ProcessSpec
from deploy.process_table import process_table, python_environment
from deploy.stack import jars, kafka
from deploy.stack.secret_files import ensure_secrets
from schemas.settings import REPOSITORY, Settings
from schemas.topics import Topic
from streams.programs import find_programs

KINDS = [
    "create_answer_lost", "create_late", "clip_answer_lost", "clip_late", "kill_publish",
    "pause", "kill_kafka", "outlet_reset", "outlet_cut", "outlet_answer_lost", "kafka_reset",
]  # fmt: skip
ORDERS, MINUTES, SEED = 100, 3.0, 1
DELETED = 0.1
TOPICS = [
    Topic(f"plain.{name}", 3, -1, "order", "bench", "worker") for name in ("wechat", "douyin")
]


def measure() -> list[dict[str, object]]:
    """One run of the plain worker; the figures as rows."""
    told = run(ORDERS, MINUTES, SEED)
    return [
        {"bench": "faults_baseline", "figure": name, "value": value, "unit": "", "floor": None,
         "ratio": None}
        for name, value in told.items()
    ]  # fmt: skip


def run(orders: int, minutes: float, seed: int, port_base: int = 7600) -> dict[str, Any]:
    """Faults strike for so long while so many orders are produced; what the checks found."""
    with tempfile.TemporaryDirectory(prefix="shoufa-plain-", ignore_cleanup_errors=True) as folder:
        places = Places(Path(folder), port_base)
        places.write_configuration()
        drawn = jars.jars_dir().parent / "demo"
        write_pictures(drawn)
        write_clips(drawn, find_programs(Settings()).ffmpeg)
        os.environ["PLAIN_DRAWN"] = str(drawn)
        history = History(places.folder / "history.jsonl")
        network = Network(places.links())
        nobody = Newsroom("", places.folder, Library([], []), history, seed)
        ground = Field(places, network, nobody, history, threading.Event(), module=__name__)
        try:
            network.start()
            ground.start_stack()
            prepare_platforms(places)
            make_topics(places.settings.kafka_bootstrap, TOPICS)
            deleted = _play(ground, orders, minutes, seed)
            heal(ground, lambda _text: None)
            began = time.monotonic()
            _wait_read(ground)
            return _judge(ground, orders, deleted, time.monotonic() - began)
        finally:
            ground.stopped.set()
            ground.stop_stack()
            network.stop()
            history.close()


def _play(ground: Field, orders: int, minutes: float, seed: int) -> set[int]:
    faults = schedule(seed, minutes * 60, KINDS, gap_s=5.0)
    random = Random(seed)
    deleted: set[int] = set()
    later: list[tuple[float, int, Future[None]]] = []
    made, begun = 0, time.monotonic()
    with ThreadPoolExecutor(max_workers=16) as pool:
        while (at := time.monotonic() - begun) < minutes * 60 or made < orders or later:
            if made < min(orders, at / (minutes * 55) * orders):
                made += 1
                ordered = pool.submit(_order, ground, made, "create")
                if random.random() < DELETED:
                    later.append((at + 15, made, ordered))
            if later and later[0][0] <= at and later[0][2].done():
                key = later.pop(0)[1]
                deleted.add(key)
                pool.submit(_order, ground, key, "delete")
            while faults and faults[0].at_s <= at:
                pool.submit(strike, ground, faults.pop(0))
            time.sleep(0.05)
    return deleted


def _order(ground: Field, key: int, act: str) -> None:
    """Whoever orders tries again, with a new producer, until both orders are acknowledged."""
    value = json.dumps({"token": token(key, 1), "act": act}).encode()
    names = ["wechat", "douyin"]
    while names:
        try:
            with closing(records.producer(ground)) as out:
                out.send(f"plain.{names[0]}", key=str(key).encode(), value=value).get(timeout=6)
            names.pop(0)
        except KafkaError:
            time.sleep(0.5)


def _wait_read(ground: Field) -> None:
    from kafka import KafkaAdminClient

    end = time.monotonic() + 300
    bootstrap = ground.places.settings.kafka_bootstrap
    while time.monotonic() < end:
        time.sleep(1.0)
        behind = 0
        with (
            closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin,
            closing(records.consumer(ground)) as reader,
        ):
            for name in ("wechat", "douyin"):
                offsets = admin.list_group_offsets([f"plain-{name}"])[f"plain-{name}"]
                ends = reader.end_offsets(list(offsets))
                behind += sum(ends[tp] - at.offset for tp, at in offsets.items())
                behind += not offsets
        if behind == 0:
            time.sleep(8.0)  # what is late at the outlet lands
            return


def _judge(ground: Field, orders: int, deleted: set[int], read_s: float) -> dict[str, Any]:
    items, asked = evidence.platform_items(ground.places)
    story: dict[str, Any] = {"approved_version": 1}
    view = View(
        {
            "channels": {name: {"module": name, "wave": 1} for name in ("wechat", "douyin")},
            "history": [], "records": [], "objects": {}, "items": items, "requests": asked,
            "ledger": {
                "stories": [
                    story | {"id": str(key), "headline": token(key, 1),
                             "withdrawn_at": 1 if key in deleted else None}
                    for key in range(1, orders + 1)
                ],
                "publications": [
                    {"story_id": str(key), "channel": name, "release": 1, "state": "", "reason": ""}
                    for key in range(1, orders + 1)
                    for name in ("wechat", "douyin")
                ],
            },
        }
    )  # fmt: skip
    twice = {v.place for v in outlets.created_once(view)}
    wrong = {v.place for v in outlets.live_once(view)}
    too_many = sum(
        max(0, len(view.items_of.get((key, name), [])) - 1)
        for key in range(1, orders + 1)
        for name in ("wechat", "douyin")
    )
    return {
        "orders": 2 * orders,
        "faults": sum(ground.struck.values()),
        "created_twice": len(twice),
        "creates_too_many": too_many,
        "not_one_live_or_none": len(wrong),
        "withdrawn_still_live": sum(int(place[1:5]) in deleted for place in wrong),
        "read_s": round(read_s, 1),
    }


def main() -> int:
    """The stack of this run: Kafka, the platforms, and the plain worker as ``publish``."""
    places = Places(Path(sys.argv[1]), int(sys.argv[2]))
    settings = places.settings
    for folder in supervise.FOLDERS:
        (settings.data / folder).mkdir(parents=True, exist_ok=True)
    ensure_secrets(settings)
    class_path = jars.class_path()
    kafka.prepare_kafka(settings, class_path)
    advertise(places)
    table = process_table(settings, class_path, synchronous=True, simulators=True)
    table = [spec for spec in table if spec.name in {"kafka", "platforms"}]
    return supervise.run(settings, simulators=True, quiet=True, table=[*table, _worker(places)])


def _worker(places: Places) -> ProcessSpec:
    settings = places.settings
    drawn = Path(os.environ["PLAIN_DRAWN"])
    told = {
        "SHOUFA_KAFKA": places.kafka_bootstrap,
        "PLAIN_WECHAT": f"http://127.0.0.1:{places.link_port('wechat')}",
        "PLAIN_DOUYIN": f"http://127.0.0.1:{places.link_port('douyin')}",
        "PLAIN_SECRETS": str(settings.secrets_dir),
        "PLAIN_COVER": str(REPOSITORY / "deploy" / "wechat-cover.jpg"),
        "PLAIN_CLIP": str(min(drawn.glob("*.mp4"), key=lambda path: path.stat().st_size)),
    }
    return ProcessSpec(
        name="publish",
        title="plain worker",
        argv=[sys.executable, "-m", "deploy.faults.plain_worker"],
        cwd=str(HERE.parents[1]),
        env={**python_environment(settings, "publish"), **told},
        ready="file",
        layer=2,
    )


if __name__ == "__main__":
    sys.exit(main())
