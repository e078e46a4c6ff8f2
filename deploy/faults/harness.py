"""One faults run from beginning to end: start, strike, heal, wait, look, judge."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from deploy.faults import checker, evidence
from deploy.faults.history import History, now_ms
from deploy.faults.newsroom import Newsroom
from deploy.faults.places import Places
from deploy.faults.proxy import Network
from deploy.faults.schedule import KINDS, NEEDS_ROOT, NEEDS_THREE, Fault, schedule
from deploy.faults.sightings import Sightings
from deploy.faults.stories import open_library
from deploy.faults.strike import strike
from deploy.faults.striking import Field

QUIET_PATIENCE_S = 900.0
MARK = ".faults-run"
"""A file that says that the folder is ours to remove."""
MOST_WAITING, NEARLY_ALL = 40, 12
"""Jobs of people: so many at most wait at once; with so few left the faults end."""
DISKS = {"spool": "192m", "ledger": "768m"}
"""Folder below the data → size of its own small disk, where we may mount one."""
QUOTAS = {
    "wechat": ("stable_token", "media/uploadimg", "material/add_material", "draft/add",
               "draft/get", "freepublish/submit", "freepublish/get", "freepublish/delete",
               "freepublish/getarticle", "freepublish/batchget"),
    "douyin": ("create_video",),
}  # fmt: skip
"""A fresh account's quotas are smaller than a run; a day's end is no fault of this schedule."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    folder: Path
    port_base: int
    seed: int
    stories: int
    minutes: float
    nodes: int = 1
    kinds: list[str] | None = None
    drawn: Path = Path(".cache/demo")
    ffmpeg: str = "ffmpeg"
    gap_s: float = 6.0
    most_times: float = 5.0
    """A slow machine may take so many times the minutes until all is filed and signed."""
    broken: tuple[str, ...] = ()
    """Names of deliberate breaks, from a module ``shoufa_broken`` in ``broken_path``: tests alone."""
    broken_path: Path = Path()


@dataclass
class Outcome:
    """What a run found."""

    violations: list[str]
    stories: int
    deliveries: int
    faults: dict[str, int]
    missed: dict[str, int]
    left_out: list[str]
    recovered_s: float | None
    seed: int = 0
    figures: dict[str, Any] = field(default_factory=dict)


def run(asked: Asked, say: Say) -> Outcome:
    """Do the whole run; nothing of it is left afterwards but its folder."""
    places = Places(asked.folder, asked.port_base, asked.nodes)
    _make_empty(places)
    places.write_configuration()
    (places.folder / MARK).touch()
    say("素材 / media …")
    library = open_library(asked.drawn, places.folder / "media", asked.ffmpeg)
    mounted = _mount(places)
    history = History(places.folder / "history.jsonl")
    network = Network(places.links())
    newsroom = Newsroom(
        places.settings.api_url, places.settings.secrets_dir / "keys", library, history, asked.seed
    )
    ground = Field(places, network, newsroom, history, threading.Event())
    if asked.broken:
        ground.environment = {
            "INJECT_BROKEN": ",".join(asked.broken),
            "INJECT_BROKEN_PATH": str(asked.broken_path),
        }
    sightings = Sightings(places.data)
    try:
        network.start()
        say("启动 / starting the stack …")
        ground.start_stack()
        prepare_platforms(places)
        sightings.start()
        newsroom.start()
        left_out = [] if mounted else sorted(NEEDS_ROOT)
        faults = _schedule(asked, left_out)
        planned = [fault for fault in faults if fault.at_s < asked.minutes * 60]
        for fault in planned:
            say(str(fault))
        say(f"{len(planned)} faults, seed {asked.seed}; more as drawn until all is filed")
        _play(ground, asked, faults, say)
        healed_at = heal(ground, say)
        quiet_at = _wait_quiet(ground, say)
        return _judge(ground, asked, sightings, (healed_at, quiet_at), left_out, say)
    finally:
        ground.stopped.set()
        newsroom.close()
        ground.stop_stack()
        network.stop()
        history.close()
        _unmount(places)


def _make_empty(places: Places) -> None:
    """Only what an earlier run left is removed; raises RuntimeError for anything else."""
    if not places.folder.exists() or not any(places.folder.iterdir()):
        return
    if not (places.folder / MARK).exists():
        raise RuntimeError(f"{places.folder}: 不是空的 / is not empty, and no faults run made it")
    _unmount(places)
    shutil.rmtree(places.folder)


def _schedule(asked: Asked, left_out: list[str]) -> list[Fault]:
    """Longer than the run is to be: where the machine is slow, faults go on until all is filed."""
    barred = {*left_out, *(() if asked.nodes == 3 else NEEDS_THREE)}
    wanted = [k for k in (asked.kinds or list(KINDS)) if k not in barred]
    return schedule(asked.seed, asked.minutes * 60 * asked.most_times, wanted, gap_s=asked.gap_s)


def _play(ground: Field, asked: Asked, faults: list[Fault], say: Say) -> None:
    """File at an even pace, never far ahead of the people who sign, while faults strike; each
    strike has a thread of its own. Ends when the time is over and nearly all work is done."""
    begun = time.monotonic()
    length_s = asked.minutes * 60
    waiting = list(faults)
    filed = 0
    with ThreadPoolExecutor(max_workers=16, thread_name_prefix="strike") as pool:
        strikes = []
        while (at := time.monotonic() - begun) < length_s * asked.most_times:
            under_way = ground.newsroom.unfinished
            if at >= length_s and filed >= asked.stories and under_way <= NEARLY_ALL:
                break
            due = min(asked.stories, round(asked.stories * at / (length_s * 0.92)))
            if (new := min(due - filed, MOST_WAITING - under_way)) > 0:
                ground.newsroom.file(new)
                filed += new
            while waiting and waiting[0].at_s <= at:
                fault = waiting.pop(0)
                say(f"{at:6.1f} s  {fault.kind} {fault.target}  稿 {filed}/{asked.stories}")
                strikes.append(pool.submit(strike, ground, fault))
            time.sleep(0.1)
        for one in strikes:
            one.result()


def heal(ground: Field, say: Say) -> int:
    """Take every fault back; when (ms)."""
    ground.stopped.set()
    ground.network.heal()
    (ground.places.control / "clock").write_text("0", encoding="ascii")
    for arm in (ground.places.control / "arm").glob("*.json"):
        arm.unlink(missing_ok=True)
    say("恢复 / healed; waiting until all is quiet")
    ground.history.note("healed", outcome="ok")
    return now_ms()


def _wait_quiet(ground: Field, say: Say) -> int | None:
    """When nothing moved by itself any more, three looks in a row; None: never within patience."""
    key_file = ground.places.settings.secrets_dir / "keys" / "duty.key"
    headers = {"Authorization": f"Bearer {key_file.read_text(encoding='utf-8').strip()}"}
    end = time.monotonic() + QUIET_PATIENCE_S
    first: int | None = None
    looks, told = 0, 0.0
    with httpx.Client(timeout=10, trust_env=False, headers=headers) as client:
        while time.monotonic() < end:
            shown: dict[str, Any] = {}
            try:
                shown = client.get(f"{ground.places.settings.api_url}/v1/status").json()
            except (httpx.HTTPError, ValueError):
                shown = {}
            if shown.get("quiet") and not ground.newsroom.unfinished:
                first = first or now_ms()
                looks += 1
                if looks == 3:
                    return first
            else:
                first, looks = None, 0
            if time.monotonic() - told > 10:
                told = time.monotonic()
                say(f"还在动 / still moving: {_moving(ground, shown)}")
            time.sleep(0.5)
    return None


def _moving(ground: Field, shown: dict[str, Any]) -> str:
    names = ("unfinished", "open_intents", "outbox_rows", "renditions_open", "lag")
    told = {name: shown.get(name) for name in names}
    told["lag"] = {k: v for k, v in (shown.get("lag") or {}).items() if v}
    return json.dumps(told | {"people": ground.newsroom.unfinished}, ensure_ascii=False)


def _judge(
    ground: Field,
    asked: Asked,
    sightings: Sightings,
    times: tuple[int, int | None],
    left_out: list[str],
    say: Say,
) -> Outcome:
    say("查对 / checking")
    places = ground.places
    seen = sightings.stop()
    found = evidence.wait_readable(lambda: evidence.collect(ground, seen))
    found |= {"healed_at": times[0], "quiet_at": times[1]}
    (places.folder / "evidence.json").write_text(
        json.dumps(found, ensure_ascii=False), encoding="utf-8"
    )
    violations = checker.check(found)
    leaks = checker.find_secrets(evidence.secrets(places), evidence.texts(places, found["records"]))
    rows = found["ledger"]["publications"]
    quiet = times[1]
    return Outcome(
        violations=[str(one) for one in violations + leaks],
        stories=len(found["ledger"]["stories"]),
        deliveries=sum(row["received_at"] is not None for row in rows),
        faults=dict(sorted(ground.struck.items())),
        missed=dict(sorted(ground.missed.items())),
        left_out=left_out,
        recovered_s=None if quiet is None else round((quiet - times[0]) / 1000, 1),
        seed=asked.seed,
        figures=checker.figures(found),
    )


def prepare_platforms(places: Places) -> None:
    """Quotas and times of the platforms for a run."""
    at = places.settings
    for name, url in (("wechat", at.wechat_url), ("douyin", at.douyin_url)):
        quota = dict.fromkeys(QUOTAS[name], 1_000_000)
        told: dict[str, object] = {"quota": quota}
        if name == "douyin":
            told |= {"review_delay_s": 1, "calls_per_second": 200}
        httpx.post(f"{url}/_sim/control", json=told, timeout=10, trust_env=False).raise_for_status()


def _mount(places: Places) -> bool:
    """Small disks of their own for folders that are to be filled; False where we may not."""
    if os.geteuid() != 0:
        return False
    for name, size in DISKS.items():
        folder = places.data / name
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "shoufa-faults", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode != 0:
            _unmount(places)
            return False
    return True


def _unmount(places: Places) -> None:
    for name in DISKS:
        folder = places.data / name
        if os.path.ismount(folder):
            subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)
