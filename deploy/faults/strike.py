"""Carries faults out. Each strike answers whether it really struck: a fault that met nothing counts
as missed, never as survived."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import httpx
from kafka.errors import KafkaError

from deploy.faults import records
from deploy.faults.places import Places
from deploy.faults.proxy import Rule
from deploy.faults.schedule import Fault
from deploy.faults.striking import Field, broker, own_fault, pid_of, processes

RULES = {
    "s3_error": "error",
    "s3_answer_lost": "lost",
    "s3_short": "short",
    "s3_wrong_bytes": "wrong",
    "outlet_error": "error",
    "outlet_answer_lost": "lost",
    "create_answer_lost": "lost",
    "delete_answer_lost": "lost",
    "clip_answer_lost": "lost",
    "create_late": "late",
    "draft_late": "late",
    "clip_late": "late",
}
CUT_TOPICS = ("story-events-", "adapt-orders-", "transcode-orders-", "release-orders.")


def strike(ground: Field, fault: Fault) -> bool:
    """Carry one fault out and take it back; True where it struck. Never raises."""
    begun = time.time_ns() // 1_000_000
    try:
        did = _how(fault)(ground, fault)
    except (OSError, KafkaError, httpx.HTTPError, RuntimeError) as error:
        ground.history.note("fault_failed", error=f"{type(error).__name__}: {error}")
        did = False
    (ground.struck if did else ground.missed)[fault.kind] += 1
    ground.history.note("fault", begun=begun, **own_fault(fault), struck=did)
    return did


def _how(fault: Fault) -> Callable[[Field, Fault], bool]:
    if fault.kind in RULES:
        return _rule
    for prefix, act in _ACTS.items():
        if fault.kind.startswith(prefix):
            return act
    raise RuntimeError(f"nobody knows how to do {fault.kind}")


def _kill(ground: Field, fault: Fault) -> bool:
    name = broker(ground.places, fault) if fault.target == "kafka" else fault.target
    pid = _wait_pid(ground, name)
    if pid is None:
        return False
    os.kill(pid, signal.SIGKILL)
    return True


def _crash(ground: Field, fault: Fault) -> bool:
    control = ground.places.control
    arm = control / "arm" / f"{fault.target}.json"
    part = arm.with_suffix(".part")
    part.write_text(json.dumps({"id": fault.id, **fault.detail}), encoding="utf-8")
    part.replace(arm)
    end = time.monotonic() + fault.seconds
    while time.monotonic() < end and not ground.stopped.wait(0.2):
        if _fired(control / "fired.jsonl", fault.id):
            return True
    arm.unlink(missing_ok=True)
    return _fired(control / "fired.jsonl", fault.id)


def _fired(file: Path, fault_id: int) -> bool:
    if not file.exists():
        return False
    lines = file.read_text(encoding="utf-8").splitlines()
    return any(json.loads(line)["id"] == fault_id for line in lines)


def _two_brokers(ground: Field, fault: Fault) -> bool:
    """Two of three die at once: nothing is acknowledged until one is back."""
    spared = broker(ground.places, fault)
    pids = [_wait_pid(ground, name) for name in ground.places.kafkas if name != spared]
    for pid in pids:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    return len(pids) == 2 and None not in pids


def _rolling(ground: Field, _fault: Fault) -> bool:
    """Each broker in turn is told to end, as for an upgrade, once the one before is back."""
    for name in ground.places.kafkas:
        pid = _wait_pid(ground, name)
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 60
        while processes(ground.places).get(name, {}).get("state") != "ready" or (
            pid_of(ground.places, name) in {None, pid}
        ):
            if time.monotonic() > end or ground.stopped.wait(0.3):
                return False
    return True


def _pause(ground: Field, fault: Fault) -> bool:
    name = broker(ground.places, fault) if fault.target == "kafka" else fault.target
    pid = _wait_pid(ground, name)
    if pid is None:
        return False
    os.kill(pid, signal.SIGSTOP)
    ground.stopped.wait(fault.seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    return True


def _wait_pid(ground: Field, name: str) -> int | None:
    end = time.monotonic() + 10
    while (pid := pid_of(ground.places, name)) is None and time.monotonic() < end:
        if ground.stopped.wait(0.2):
            return None
    return pid


def _kafka(ground: Field, fault: Fault) -> bool:
    return _network(ground, fault, broker(ground.places, fault))


def _s3(ground: Field, fault: Fault) -> bool:
    return _network(ground, fault, "s3")


def _outlet(ground: Field, fault: Fault) -> bool:
    return _network(ground, fault, fault.target)


def _network(ground: Field, fault: Fault, name: str) -> bool:
    link = ground.network.links[name]
    how = fault.kind.rpartition("_")[2]
    before = link.struck[how]
    if how == "reset":
        end = time.monotonic() + 20
        while ground.network.reset(name) == 0 and time.monotonic() < end:
            if ground.stopped.wait(0.02):
                break
        return link.struck["reset"] > before
    ground.network.set(name, how, delay_s=0.4)
    ground.stopped.wait(fault.seconds)
    ground.network.set(name, "ok")
    return how == "cut" or link.struck[how] > before


def _rule(ground: Field, fault: Fault) -> bool:
    rule = Rule(
        RULES[fault.kind],
        int(fault.detail["times"]),
        path=str(fault.detail.get("path", "")),
        method=str(fault.detail.get("method", "")),
        seconds=float(fault.detail.get("late_s", 0)),
    )
    asked = rule.times
    ground.network.arm(fault.target, rule)
    end = time.monotonic() + fault.seconds
    while rule.times > 0 and time.monotonic() < end:
        if ground.stopped.wait(0.1):
            break
    struck = asked - rule.times
    rule.times = 0
    return struck > 0


def _platform(ground: Field, fault: Fault) -> bool:
    what: dict[str, object] = {"token_expire_now": True}
    if fault.kind == "platform_list_late":
        what = {"list_delay_s": 5}
    _tell_platform(ground.places, fault.target, what)
    if fault.kind == "platform_list_late":
        ground.stopped.wait(fault.seconds)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError):
                _tell_platform(ground.places, fault.target, {"list_delay_s": 0})
                break
            time.sleep(0.3)
    return True


def _tell_platform(places: Places, name: str, what: dict[str, object]) -> None:
    at = places.settings
    url = at.wechat_url if name == "wechat" else at.douyin_url
    httpx.post(f"{url}/_sim/control", json=what, timeout=5, trust_env=False).raise_for_status()


def _disk(ground: Field, fault: Fault) -> bool:
    folder = ground.places.data / fault.target
    if not os.path.ismount(folder):
        return False
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as out:
        with contextlib.suppress(OSError):
            while True:
                out.write(b"\0" * 65_536)
        full = shutil.disk_usage(folder).free < 65_536
        ground.stopped.wait(fault.seconds)
    filler.unlink()
    return full


def _clock(ground: Field, fault: Fault) -> bool:
    file = ground.places.control / "clock"
    file.write_text(str(fault.detail["step_s"]), encoding="ascii")
    ground.stopped.wait(fault.seconds)
    file.write_text("0", encoding="ascii")
    return True


def _burst(ground: Field, fault: Fault) -> bool:
    act = "correct" if fault.kind == "corrections" else "withdraw"
    end = time.monotonic() + 40
    while ground.newsroom.burst(act, int(fault.detail["count"])) == 0:
        if time.monotonic() > end or ground.stopped.wait(0.5):
            return False
    return True


def _power(ground: Field, fault: Fault) -> bool:
    """All dies at once, and the tail of Kafka's log, never synced, is gone."""
    ground.kill_stack()
    random = Random(fault.id)  # noqa: S311 - which logs lose how much
    cut = 0
    logs = sorted((ground.places.data / "kafka").glob("**/logs/*-*/"))
    for folder in logs:
        if folder.name.startswith("__consumer_offsets-") and fault.detail["offsets_lost"]:
            for file in folder.iterdir():
                file.unlink()
        if folder.name.startswith(CUT_TOPICS) and random.random() < 0.7:
            newest = max(folder.glob("*.log"), default=None)
            if newest is not None and newest.stat().st_size:
                size = newest.stat().st_size
                os.truncate(newest, max(0, size - random.randint(1, fault.detail["cut_bytes"])))
                cut += 1
    ground.start_stack(under_fire=True)
    return cut > 0


_ACTS: dict[str, Callable[[Field, Fault], bool]] = {
    "kill_two_brokers": _two_brokers,
    "kill_": _kill,
    "rolling_restart": _rolling,
    "crash_": _crash,
    "pause": _pause,
    "rebalance": records.rebalance,
    "replay_from_0": records.replay_from_0,
    "produced_again": records.produced_again,
    "poison": records.poison,
    "forged_approval": records.forged_approval,
    "kafka_": _kafka,
    "s3_": _s3,
    "outlet_": _outlet,
    "platform_": _platform,
    "disk_full_": _disk,
    "clock_step": _clock,
    "corrections": _burst,
    "withdrawals": _burst,
    "power_cut": _power,
}
"""Beginning of a kind's name → how it is done."""
