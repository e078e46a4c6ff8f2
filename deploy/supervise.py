"""Start a stack, and see how it is: what the command line calls.

``run`` does what needs to be done once (folders, lock, leftovers, secrets, ports, jars), writes the
plan, and then becomes the supervisor: a process a third of this one's size that has one thread.
"""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deploy import proc
from deploy.leftovers import kill_leftovers, read_state, take_lock
from deploy.process_spec import ProcessSpec, StackPlan, write_plan
from deploy.process_table import places, process_table
from deploy.stack import jars, kafka, ports, s3, secret_files
from deploy.stack.secret_files import ensure_secrets
from schemas.settings import REPOSITORY, Settings

FOLDERS = ("ledger", "kafka", "s3", "spool", "work", "site", "hotfolders", "log", "run")


@dataclass(frozen=True)
class ProcessRow:
    """One process as ``./run ps`` shows it."""

    name: str
    title: str
    pid: int | None
    state: str
    """waiting, starting, ready, killing, restarting, done, stopped."""
    since: float
    """Unix seconds; 0 where it was never started."""
    restarts: int
    rss_bytes: int
    """Resident memory now, its children's with it."""


def run(
    settings: Settings,
    *,
    simulators: bool,
    quiet: bool = False,
    foreground: list[str] | None = None,
    stop_when_done: bool = False,
    shown: list[tuple[str, str]] | None = None,
    table: list[ProcessSpec] | None = None,
    only: list[str] | None = None,
    servers: frozenset[str] | None = None,
) -> int:
    """Start the stack and stay in the foreground until SIGINT or SIGTERM.

    ``simulators``: start the outside platforms' simulators too. ``foreground``: a command line that
    is run with the terminal once all is ready (in the caller's working folder, with every SHOUFA_
    setting in its environment); with ``stop_when_done`` its end ends the stack. ``shown``: the
    block of addresses, by default all of them. ``table``: other processes (tests). ``only``: of
    the processes those, beside the ones of another host; ``migrate`` runs there alone. ``servers``:
    the local servers of these names and nothing else, for work on a stack that is down.

    Returns only when the start fails (1, with the reason on stderr). Else this process becomes the
    supervisor, whose exit status is the foreground command's (130 where Ctrl-C cut it off), 0
    without one, 1 when a process cannot be started, 2 when one refuses its configuration.
    """
    settings = settings.model_copy(update={"data": settings.data.resolve()})
    try:
        plan = _prepare(settings, simulators=simulators, table=table, only=only, servers=servers)
    except KeyboardInterrupt:
        return 130
    except _CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, RuntimeError, jars.JarsMissing) as error:
        print(f"无法启动 / cannot start: {error}", file=sys.stderr)
        return 1
    plan = replace(
        plan,
        places=shown if shown is not None else places(settings, simulators=simulators),
        foreground=foreground,
        foreground_cwd=str(Path.cwd()),
        stop_when_done=stop_when_done,
        quiet=quiet,
    )
    return _become_supervisor(plan, settings)


class _CannotStart(Exception):
    """Said to the operator as it is."""


def _prepare(
    settings: Settings,
    *,
    simulators: bool,
    table: list[ProcessSpec] | None,
    only: list[str] | None = None,
    servers: frozenset[str] | None = None,
) -> StackPlan:
    """Do all that comes before the first process; the plan so far."""
    if only is not None and not (settings.kafka and settings.s3 and settings.ledger):
        raise _CannotStart(
            "--only: 请先用 SHOUFA_KAFKA、SHOUFA_S3、SHOUFA_LEDGER 指明共用的服务 / "
            "set all three to the shared servers first"
        )
    for folder in FOLDERS:
        (settings.data / folder).mkdir(parents=True, exist_ok=True)
    lock = take_lock(settings.run_dir)
    if lock is None:
        raise _CannotStart(_who_runs(settings))
    if killed := kill_leftovers(settings.data):
        print(
            f"已清理上次遗留的进程 / ended {killed} processes that an earlier run left", flush=True
        )
    if made := ensure_secrets(settings):
        print(f"已生成密钥 / secrets made: {settings.secrets_dir}", flush=True)
        if secret_files.ADMINISTRATOR in made:
            password = (settings.secrets_dir / secret_files.ADMINISTRATOR).read_text().strip()
            print(
                f"管理员第一次登录用 / the administrator's first sign-in: admin  {password}",
                flush=True,
            )
    leave_nothing: list[str] = []
    if table is None:
        if taken := ports.explain_busy(settings, simulators=simulators):
            raise _CannotStart(taken)
        table = _local_stack(settings, simulators=simulators)
        if only is not None:
            table = _part(table, only)
        if servers is not None:
            table = [spec for spec in table if spec.name.split("-")[0] in servers]
        leave_nothing = [] if settings.s3 else [str(p) for p in s3.socket_paths(settings)]
    return StackPlan(
        data=str(settings.data),
        port_base=settings.port_base,
        processes=table,
        lock_fd=lock,
        leave_nothing=leave_nothing,
    )


def _local_stack(settings: Settings, *, simulators: bool) -> list[ProcessSpec]:
    class_path, synchronous = "", True
    if not settings.kafka:
        class_path = jars.class_path()
        kafka.prepare_kafka(settings, class_path)
    if not settings.s3 and not (synchronous := s3.prepare_s3(settings)):
        print(
            "提醒: 这个文件系统不支持同步写入, 断电可能丢失刚收到的素材 / "
            "note: this file system cannot write synchronously; a power cut may lose new media",
            flush=True,
        )
    return process_table(settings, class_path, synchronous=synchronous, simulators=simulators)


def _part(table: list[ProcessSpec], only: list[str]) -> list[ProcessSpec]:
    known = {spec.name for spec in table}
    if unknown := [name for name in only if name not in known]:
        raise _CannotStart(
            f"--only: 没有这些进程 / no such process: {', '.join(unknown)}; {', '.join(known)}"
        )
    kept = [spec for spec in table if spec.name in only]
    return [replace(s, after=[name for name in s.after if name in only]) for s in kept]


def _become_supervisor(plan: StackPlan, settings: Settings) -> int:
    path = plan.run_dir / f"plan-{os.getpid()}.json"
    write_plan(plan, path)
    if not plan.quiet:
        last = settings.robot_port
        head = f"启动 shoufa / starting · {plan.data} · {settings.port_base}–{last}"
        print(head, flush=True)
    environment = os.environ | {
        f"SHOUFA_{name.upper()}": str(value) for name, value in settings if name != "process"
    }
    environment |= {proc.STACK_MARK: plan.data, "PYTHONUTF8": "1"}
    environment.pop("PYTHONSAFEPATH", None)
    os.set_inheritable(plan.lock_fd, True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(REPOSITORY)
    command = [sys.executable, "-m", "deploy.supervisor_loop", str(path)]
    os.execve(sys.executable, command, environment)  # noqa: S606 - ourselves, in another form


def _who_runs(settings: Settings) -> str:
    state = read_state(settings.run_dir) or {}
    return (
        f"这个数据目录已在运行 / a stack already runs on this data folder: {settings.data}\n"
        f"  pid {state.get('pid', '?')}, --port-base {state.get('port_base', '?')}; ./run ps"
    )


def stack_state(settings: Settings) -> dict[str, Any] | None:
    """What the running supervisor last wrote; None when no stack runs on this data folder."""
    state = read_state(settings.run_dir)
    if state is None or not proc.is_same(int(state["pid"]), int(state["start_ticks"])):
        return None
    return state


def ps_table(settings: Settings) -> list[ProcessRow]:
    """The supervisor and its processes, memory as of now; empty when no stack runs here."""
    state = stack_state(settings)
    if state is None:
        return []
    pid = int(state["pid"])
    children = [_row(row) for row in state["processes"]]
    whole = proc.rss_bytes(pid)
    own = max(0, whole - sum(row.rss_bytes for row in children))
    head = ProcessRow("supervise", "总管 supervisor", pid, state["state"], state["since"], 0, own)
    return [head, *children]


def _row(row: dict[str, Any]) -> ProcessRow:
    pid = row["pid"] if row["pid"] and proc.is_same(row["pid"], row["start_ticks"]) else None
    return ProcessRow(
        name=row["name"],
        title=row["title"],
        pid=pid,
        state=row["state"],
        since=float(row["since"]),
        restarts=int(row["restarts"]),
        rss_bytes=proc.rss_bytes(pid) if pid else 0,
    )
