"""``./run faults``: the real stack under a schedule of faults, judged from outside."""

import json
import os
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from cli.tables import terminal
from deploy.faults.harness import Asked, Outcome, run
from deploy.stack.jars import jars_dir
from schemas.settings import Settings
from streams.programs import find_programs

out = terminal()
err = terminal(stderr=True)


def run_faults(
    *,
    data: Path | None,
    port_base: int,
    seed: int,
    stories: int,
    minutes: float,
    nodes: int,
    kinds: list[str] | None,
    json_: bool,
) -> int:
    """One run; 0 no violation, 1 violations (each on the terminal), 130 cut off by Ctrl-C."""
    if os.environ.get("SHOUFA_BROKEN"):
        err.print("SHOUFA_BROKEN 只供测试 / is for tests alone: unset it", style="bold red")
        return 2
    folder = data or Path(tempfile.mkdtemp(prefix="shoufa-faults-"))
    asked = Asked(
        folder=folder.resolve(),
        port_base=port_base,
        seed=seed,
        stories=stories,
        minutes=minutes,
        nodes=nodes,
        kinds=kinds,
        drawn=jars_dir().parent / "demo",
        ffmpeg=find_programs(Settings()).ffmpeg,
    )
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        outcome = run(asked, lambda text: err.print(text, markup=False, highlight=False))
    except KeyboardInterrupt:
        err.print(f"中断, 没有留下进程 / cut off, nothing left running: {folder}")
        return 130
    except (OSError, RuntimeError) as error:
        err.print(f"没有跑完 / could not run: {error}", style="bold red", markup=False)
        return 1
    _tell(outcome, folder, json_=json_)
    return 1 if outcome.violations else 0


def _tell(outcome: Outcome, folder: Path, *, json_: bool) -> None:
    for line in outcome.violations:
        err.print(f"违反 / violation: {line}", style="bold red", markup=False)
    for kind in outcome.left_out:
        err.print(f"没有做 / left out, needs root: {kind}", style="yellow")
    if json_:
        sys.stdout.write(json.dumps(asdict(outcome), ensure_ascii=False, indent=2) + "\n")
        return
    out.print(
        f"种子 {outcome.seed}: {outcome.stories} 篇, {outcome.deliveries} 处, "
        f"{sum(outcome.faults.values())} 次故障, {len(outcome.violations)} 处违反, "
        f"恢复 {outcome.recovered_s} s / seed {outcome.seed}: {outcome.stories} stories, "
        f"{outcome.deliveries} deliveries, {sum(outcome.faults.values())} faults, "
        f"{len(outcome.violations)} violations, quiet after {outcome.recovered_s} s · {folder}",
        markup=False,
    )
