"""What a process says of its threads when one of them is stuck."""

import os
import signal
import subprocess
import sys
import threading

from cli import logs
from schemas.settings import REPOSITORY


def test_the_stuck_thread_is_named_with_the_line_where_it_hangs() -> None:
    release = threading.Event()

    def hangs_here() -> None:
        release.wait(10)

    thread = threading.Thread(target=hangs_here, name="publish web")
    thread.start()
    try:
        told = logs.stacks()["publish web"]
    finally:
        release.set()
        thread.join()
    assert any("hangs_here" in line for line in told)


def test_a_signal_has_every_stack_written_and_kills_nobody() -> None:
    code = (
        "from cli import logs; import sys, time\n"
        "logs.configure('web')\n"
        "def in_here():\n    print('up', flush=True); sys.stdin.readline(); print('fine')\n"
        "in_here()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    os.kill(process.pid, signal.SIGUSR1)
    out, _ = process.communicate("\n", timeout=20)
    assert "in in_here" in out
    assert "fine" in out
    assert process.returncode == 0
