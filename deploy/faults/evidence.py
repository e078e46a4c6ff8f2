"""Collects what others can see of a run: topics, outlets, S3, the ledger as plain rows.

The result is plain JSON, so that it can be kept, read again, and made by hand in a test:

``channels`` id → table of the channels file; ``fallback_after_s`` wave → seconds; ``history``,
``sightings`` lists; ``records`` of all topics (topic, partition, offset, at, key, type, id, seq,
data); ``ends`` and ``committed`` by topic and group; ``items`` and ``requests`` of the outlets;
``objects`` key → SHA-256; ``ledger`` table → rows; ``healed_at``, ``quiet_at`` (ms; None: never).
"""

import contextlib
import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from kafka import TopicPartition

from deploy.faults import records
from deploy.faults.places import FALLBACK_S, Places
from deploy.faults.sightings import token_of
from deploy.faults.striking import Field
from schemas.settings import REPOSITORY

DELIVERY = re.compile(r"^[A-Za-z]+(\d{6})-r(\d+)-v(\d+)-(\w+)-")
REMOVALS = {"delete", "withdraw"}
SENDING_S = 10.0
PLANTED = "sf_planted_0123456789abcdef"
"""A key that opens nothing, offered to the API."""


def collect(ground: Field, sightings: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything but the times of healing and quiet, which the harness knows."""
    places = ground.places
    ledger = _settled_ledger(places.data / "ledger" / "shoufa.db")
    keys = {row["number"]: token_of(row["headline"]) for row in ledger["stories"]}
    items, requests = platform_items(places)
    items += desk_items(places, {n: token[0] for n, token in keys.items() if token})
    items += page_items(places, keys)
    read, ends, committed = topics(ground)
    return {
        "channels": places.channels(),
        "fallback_after_s": {str(wave): seconds for wave, seconds in FALLBACK_S.items()},
        "history": ground.history.lines,
        "sightings": sightings,
        "records": read,
        "ends": ends,
        "committed": committed,
        "items": items,
        "requests": requests,
        "objects": objects(places),
        "ledger": ledger,
    }


def _settled_ledger(file: Path) -> dict[str, list[dict[str, Any]]]:
    """The ledger when no row waits to be sent: timers ring on when all is quiet, and a row written
    this very moment is on its way. Ten seconds at most: what is unsent then stays so."""
    end = time.monotonic() + SENDING_S
    while True:
        found = ledger_rows(file)
        if time.monotonic() > end or all(row["sent_at"] is not None for row in found["outbox"]):
            return found
        time.sleep(0.5)


def ledger_rows(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Every table of the ledger, by SQLite's own module."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as db:
        db.row_factory = sqlite3.Row
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {
            name: [dict(row) for row in db.execute(f'SELECT * FROM "{name}"')]  # noqa: S608
            for name in names
        }


def topics(ground: Field) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """All records, the end of each partition, and what each group has committed."""
    from kafka import KafkaAdminClient

    bootstrap = ground.places.settings.kafka_bootstrap
    read, ends = [], {}
    with closing(records.consumer(ground)) as reader:
        names = sorted(name for name in reader.topics() if not name.startswith("__"))
        for name in names:
            parts = [TopicPartition(name, n) for n in reader.partitions_for_topic(name) or ()]
            for tp, end in reader.end_offsets(parts).items():
                ends[f"{tp.topic}/{tp.partition}"] = end
    for name in names:
        read += [_plain(record) for record in records.read_all(ground, name)]
    committed: dict[str, dict[str, int]] = {}
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        groups = [f"shoufa-publish-{c}" for c in ground.places.channels()]
        told = admin.list_group_offsets([*groups, "shoufa-core", "shoufa-transcode"])
        for group, offsets in told.items():
            committed[group] = {
                f"{tp.topic}/{tp.partition}": at.offset for tp, at in offsets.items()
            }
    return read, ends, committed


def _plain(record: Any) -> dict[str, Any]:
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers or ()}
    try:
        data = json.loads(record.value or b"null")
    except ValueError:
        data = None
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "at": record.timestamp,
        "key": (record.key or b"").decode("utf-8", "replace"),
        "type": headers.get("ce_type", ""),
        "id": headers.get("ce_id", ""),
        "seq": int(headers.get("ce_outboxseq") or 0),
        "data": data,
    }


def platform_items(places: Places) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Items and request logs of the two platforms, as they tell them."""
    at = places.settings
    items, requests = [], []
    for name, url in (("wechat", at.wechat_url), ("douyin", at.douyin_url)):
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            told = client.get("/_sim/items").json()["items"]
            items += [_wechat(row) if name == "wechat" else _douyin(row) for row in told]
            asked = client.get("/_sim/requests").json()["requests"]
            requests += [{"channel": name, **row} for row in asked]
    return items, requests


def _wechat(row: dict[str, Any]) -> dict[str, Any]:
    live = row["publish_status"] == 0 and row["deleted_at"] is None
    made = {
        "at": row["submitted_at"],
        "live_at": row["published_at"],
        "text": row["content_sha256"],
    }
    return _item("wechat", row["title"], row["article_id"], made, live=live, gone=row["deleted_at"])


def _douyin(row: dict[str, Any]) -> dict[str, Any]:
    live = row["video_status"] == 1 and row["deleted_at"] is None
    text = hashlib.sha256(row["text"].encode()).hexdigest()
    made = {"at": row["created_at"], "live_at": row["published_at"], "text": text}
    return _item("douyin", row["text"], row["item_id"], made, live=live, gone=row["deleted_at"])


def _item(
    channel: str, text: str, item_id: str, made: dict[str, Any], *, live: bool, gone: int | None
) -> dict[str, Any]:
    story, version = token_of(text) or (0, 0)
    return {
        "channel": channel,
        "story": story,
        "item_id": item_id,
        "creates": [made["at"]],
        "live_at": made["live_at"],
        "versions": [version],
        "live": live,
        "gone_at": gone,
        "text_sha256": made["text"],
    }


def desk_items(places: Places, keys: dict[int, int]) -> list[dict[str, Any]]:
    """One item a release from what the station and the page desk took, in their order."""
    file = places.data / "platforms" / "station" / "library.jsonl"
    found: dict[tuple[str, int, int], dict[str, Any]] = {}
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for text in lines:
        with contextlib.suppress(ValueError):
            line = json.loads(text)
            named = DELIVERY.match(line["id"])
            if line["result"] != "ok" or named is None:
                continue
            number, release, version = (int(named[n]) for n in (1, 2, 3))
            item = found.setdefault(
                (line["desk"], number, release),
                {
                    "channel": line["desk"],
                    "story": keys.get(number, 0),
                    "item_id": re.sub(r"\.mxf$", "", line["name"]),
                    "creates": [],
                    "live_at": line["at"],
                    "versions": [],
                    "live": True,
                    "gone_at": None,
                    "text_sha256": "",
                },
            )
            if line["verb"] == "new":
                item["creates"].append(line["at"])
            if line["verb"] in REMOVALS:
                item |= {"live": False, "gone_at": line["at"]}
            else:
                item["versions"].append(version)
                item |= {"live": True, "gone_at": None}
                item["shown_sha256"] = line["delivery"].rpartition("/")[2]
    return list(found.values())


def page_items(places: Places, keys: dict[int, Any]) -> list[dict[str, Any]]:
    """What a reader gets at each story's address, now."""
    at, items = places.settings, []
    with httpx.Client(base_url=at.site_url, timeout=30, trust_env=False) as client:
        for number, token in keys.items():
            for channel, path in (
                ("web", f"a/{number}.html"),
                ("app", f"feed/story-{number}.json"),
            ):
                answer = client.get(f"/{path}")
                seen = token_of(answer.text) if answer.status_code == 200 else None
                if answer.status_code == 404:
                    continue
                items.append(
                    {
                        "channel": channel,
                        "story": token[0] if token else 0,
                        "item_id": path.removeprefix("feed/"),
                        "creates": [],
                        "live_at": None,
                        "versions": [seen[1]] if seen else [],
                        "live": answer.status_code == 200,
                        "gone_at": None,
                        "text_sha256": hashlib.sha256(answer.content).hexdigest(),
                    }
                )
    return items


def objects(places: Places) -> dict[str, str]:
    """Every object of the bucket with the SHA-256 of the bytes that S3 gives for it."""
    at = places.settings
    keys = json.loads((at.secrets_dir / "s3.json").read_text(encoding="utf-8"))
    client = boto3.client(
        "s3",
        endpoint_url=at.s3_endpoint,
        aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"],
        region_name="us-east-1",
        config=Config(
            response_checksum_validation="when_required", s3={"addressing_style": "path"}
        ),
    )
    found = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=at.s3_bucket):
        for row in page.get("Contents", ()):
            body = client.get_object(Bucket=at.s3_bucket, Key=row["Key"])["Body"]
            digest = hashlib.sha256()
            for piece in body.iter_chunks(1 << 20):
                digest.update(piece)
            found[row["Key"]] = digest.hexdigest()
    return found


def secrets(places: Places) -> dict[str, str]:
    """Name → value of everything that must stay in its file."""
    folder, found = places.settings.secrets_dir, {"planted": PLANTED}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8").strip()
        name = path.relative_to(folder).as_posix()
        if path.suffix != ".json":
            found[name] = text
            continue
        told = json.loads(text)
        public = {"access_key", "open_id"}
        found |= {
            f"{name}:{k}": v for k, v in told.items() if isinstance(v, str) and k not in public
        }
    return {name: value for name, value in found.items() if len(value) >= 16}


def texts(places: Places, read: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """(place, content) of everything in which a secret might stand: topics, logs, pages, answers.

    A key that is none was offered to the API just before: it may be repeated nowhere either.
    """
    with httpx.Client(base_url=places.settings.api_url, timeout=30, trust_env=False) as client:
        entered = client.post(_way_in(places))
        assert entered.status_code == 303, entered.text
        for page in ("/", "/lag", "/board/letters", "/board/stories/1", "/audit"):
            yield f"page {page}", client.get(page).content
        refused = {"Authorization": f"Bearer {PLANTED}"}
        yield "error page", client.get("/v1/stories", headers=refused).content
    for record in read:
        place = f"{record['topic']}/{record['partition']}/{record['offset']}"
        yield place, json.dumps(record, ensure_ascii=False).encode()
    for folder, names in (("log", "*"), ("site", "**/*.html"), ("app", "**/*.json")):
        for path in (places.data / folder).glob(names):
            if path.is_file():
                yield path.relative_to(places.data).as_posix(), path.read_bytes()


def _way_in(places: Places) -> str:
    """The link that ``./run enter`` prints: signs in as the duty editor, once."""
    settings = places.settings
    at = ["--data", str(settings.data), "--port-base", str(settings.port_base)]
    command = [sys.executable, str(REPOSITORY / "shoufa.py"), "enter", "duty", *at]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def wait_readable(call: Any, patience_s: float = 60.0) -> Any:
    """Collecting meets a stack that has just been through a lot: be patient with it."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return call()
        except (OSError, httpx.HTTPError, sqlite3.OperationalError):
            if time.monotonic() > end:
                raise
            time.sleep(1.0)
