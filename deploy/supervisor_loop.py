"""The supervisor: ``python -m deploy.supervisor_loop PLAN``, one thread, standard library only.

It starts what may start, sees who is ready, kills who is silent, restarts who died, and at the
end stops all in reverse order. It decides by deploy.restart_rules and acts by deploy.child.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from deploy import child as children
from deploy import restart_rules
from deploy.child import Child
from deploy.console import Console, how_it_ended, ready_block, ready_line
from deploy.log_files import rotate
from deploy.probes import is_ready
from deploy.process_spec import StackPlan, read_plan
from deploy.state_file import StateFile
from deploy.stopping import stop_all
from deploy.waking import catch_signals, sleep

STARTING_TICK_S, STEADY_TICK_S = 0.1, 0.5
ROTATE_EVERY_S = 10.0
USUAL_GAP_S = 2.0
"""A longer time between two turns means that we ourselves did not run."""


@dataclass
class Supervisor:
    """All that the loop remembers; times are monotonic seconds."""

    plan: StackPlan
    console: Console
    state_file: StateFile
    members: dict[str, Child]
    began: float
    stop_number: int = 0
    """The signal that asked for the end."""
    failure: str = ""
    status: int = 0
    all_ready: bool = False
    foreground: "subprocess.Popen[bytes] | None" = None
    rotated: float = 0.0
    turned: float = 0.0

    @property
    def over(self) -> bool:
        return bool(self.stop_number or self.failure)

    def ask_to_stop(self, number: int) -> None:
        """Remember the first signal that asked for the end."""
        self.stop_number = self.stop_number or number


def supervise(plan: StackPlan) -> int:
    """Run the stack until it is told to stop; return the exit status.

    That of the foreground command where there is one, else 0; 1 when the start failed, 2 when a
    process cannot work with its configuration.
    """
    console = Console(plan.log_dir / "supervisor.log", quiet=plan.quiet)
    members = {spec.name: Child(spec) for spec in plan.processes}
    state_file = StateFile(plan, list(members.values()), began=time.time())
    me = Supervisor(plan, console, state_file, members, began=time.monotonic())
    wake = catch_signals(me.ask_to_stop)
    children.adopt_orphans()
    for name in [*members, "supervisor"]:
        rotate(children.log_path(plan, name))
    console.note(f"supervisor {os.getpid()} starts, data {plan.data}, port {plan.port_base}")
    try:
        while not me.over:
            turn(me, time.monotonic())
            steady = all(member.state in {"ready", "done"} for member in members.values())
            sleep(wake, STEADY_TICK_S if steady else STARTING_TICK_S)
    except OSError as error:
        me.failure, me.status = f"{type(error).__name__}: {error}", 1
    return _end(me)


def turn(me: Supervisor, now: float) -> None:
    """One turn: bury, look at everyone, write down."""
    gap = now - me.turned if me.turned else 0.0
    me.turned = now
    bury(me, now)
    for member in me.members.values():
        member.last_sign = restart_rules.after_pause(member.last_sign, gap, USUAL_GAP_S)
        attend(me, member, now)
        if me.over:
            return
    if not me.all_ready and all(member.settled for member in me.members.values()):
        me.all_ready = True
        me.console.say(ready_block(me.plan, now - me.began))
        _start_foreground(me)
    me.state_file.write(now, "ready" if me.all_ready else "starting")
    if now - me.rotated > ROTATE_EVERY_S:
        me.rotated = now
        for name in [*me.members, "supervisor"]:
            rotate(children.log_path(me.plan, name))


def bury(me: Supervisor, now: float) -> None:
    """Reap all that have ended and decide what follows."""
    by_pid = {member.pid: member for member in me.members.values() if member.pid}
    while (end := children.ended()) is not None:
        pid, status = end
        if me.foreground is not None and pid == me.foreground.pid:
            _foreground_ended(me, status)
        elif pid in by_pid:
            _member_ended(me, by_pid[pid], status, now)


def _member_ended(me: Supervisor, member: Child, status: int, now: float) -> None:
    lived_s = now - member.started
    member.quick_deaths = restart_rules.count_deaths(member.quick_deaths, lived_s)
    step = member.spec.ready == "exit"
    verdict = restart_rules.judge_end(
        step=step,
        status=status,
        was_ready=member.was_ready or me.all_ready,
        quick_deaths=member.quick_deaths,
    )
    member.pid = member.ticks = 0
    if verdict == "done":
        member.enter("done")
        me.console.say(ready_line(member.spec.name, member.spec.title, now - me.began))
    elif verdict == "restart":
        wait_s = restart_rules.wait_before_start_s(member.quick_deaths)
        member.next_start = now + wait_s
        member.enter("restarting")
        me.console.say(
            f"  {member.spec.name} 意外结束, 重新启动 / ended ({how_it_ended(status)}), starts again"
        )
    else:
        member.enter("stopped")
        log = children.log_path(me.plan, member.spec.name)
        words = "\n".join(f"    {line}" for line in children.tail(log))
        me.failure = (
            f"{member.spec.name} 无法启动 / cannot start ({how_it_ended(status)}); {log}:\n{words}"
        )
        bad = status == restart_rules.BAD_CONFIGURATION
        me.status = restart_rules.BAD_CONFIGURATION if bad else 1


def attend(me: Supervisor, member: Child, now: float) -> None:
    """Take the next step with one process."""
    if member.state in {"waiting", "restarting"}:
        due = now >= member.next_start and all(me.members[n].settled for n in member.spec.after)
        if due:
            member.restarts += member.state == "restarting"
            _start_member(me, member, now)
        return
    if member.state not in {"starting", "ready"}:
        return
    _look_for_life(me, member, now)
    limit_s = member.spec.silence_limit_s if member.state == "ready" else member.spec.start_limit_s
    last_sign = member.last_sign if member.state == "ready" else member.started
    if restart_rules.is_silent(now=now, last_sign=last_sign, limit_s=limit_s):
        # Killed and reaped before its successor starts: two owners of one account never meet.
        member.enter("killing")
        me.console.say(
            f"  {member.spec.name} 没有响应, 结束它 / silent for {limit_s:.0f} s, killed"
        )
        if member.spec.tells_stacks:
            children.ask_for_stacks(member)
        children.signal_group(member, signal.SIGKILL)


def _start_member(me: Supervisor, member: Child, now: float) -> None:
    try:
        children.start(member, me.plan, now)
    except OSError as error:
        if not me.all_ready:
            raise
        # No room or no memory just now: the others work on, this one is tried again.
        member.quick_deaths += 1
        member.next_start = now + restart_rules.wait_before_start_s(member.quick_deaths)
        member.enter("restarting")
        me.console.say(f"  {member.spec.name} 暂时无法启动 / cannot start now: {error}")


def _look_for_life(me: Supervisor, member: Child, now: float) -> None:
    spec = member.spec
    if member.state == "ready" and spec.ready == "file":
        children.heard(member, me.plan, now)
        return
    if now < member.next_probe:
        return
    starting = member.state == "starting"
    member.next_probe = now + (0.1 if starting else children.PROBE_PAUSE_S)
    if is_ready(spec, me.plan, member.pid, 0.3 if starting else 1.0):
        member.last_sign = now
        if starting:
            member.enter("ready")
            began = member.started if member.was_ready else me.began
            me.console.say(ready_line(spec.name, spec.title, now - began))
            member.was_ready = True


def _start_foreground(me: Supervisor) -> None:
    """Run the command on the terminal, in our own group: Ctrl-C reaches it too."""
    if me.plan.foreground is None:
        return
    parent = os.getpid()
    me.console.muted = True
    me.foreground = subprocess.Popen(
        me.plan.foreground,
        cwd=me.plan.foreground_cwd,
        preexec_fn=lambda: children.die_with_parent(parent),  # noqa: PLW1509 - one thread
    )
    me.foreground.returncode = 0  # reaped by bury()


def _foreground_ended(me: Supervisor, status: int) -> None:
    me.foreground, me.console.muted = None, False
    me.status = status if status >= 0 else 128 - status
    me.console.note(f"foreground command ended ({how_it_ended(status)})")
    if me.plan.stop_when_done:
        me.stop_number = me.stop_number or signal.SIGTERM
    else:
        me.console.say("Ctrl-C 停止 / stops everything")


def _end(me: Supervisor) -> int:
    """Stop everything; say why and with what outcome."""
    if me.failure:
        me.console.muted = False
        me.console.alarm(me.failure)
    interrupted = me.foreground is not None
    me.state_file.write(time.monotonic(), "stopping")
    began = time.monotonic()
    me.console.say("正在停止 / stopping …")
    left = stop_all(list(me.members.values()), me.foreground)
    for path in me.plan.leave_nothing:
        with contextlib.suppress(OSError):
            Path(path).unlink()
    me.state_file.remove()
    me.console.muted = False
    if left:
        me.console.alarm(f"无法结束的进程 / processes that cannot be ended: {left}")
        return 1
    me.console.say(f"已全部停止 / all stopped ({time.monotonic() - began:.1f} s)")
    if me.failure:
        return me.status
    return 128 + me.stop_number if interrupted else me.status


def main() -> int:
    """Read the plan, which is removed, and keep the lock from every child."""
    path = Path(sys.argv[1])
    plan = read_plan(path)
    path.unlink()
    if plan.lock_fd >= 0:
        os.set_inheritable(plan.lock_fd, False)
    return supervise(plan)


if __name__ == "__main__":
    sys.exit(main())
