"""The entry point: what a closed pipe or connection does to a process."""

import subprocess
import sys

from schemas.settings import REPOSITORY

WRITES_TO_A_CLOSED_CONNECTION = """
import socket, sys
import shoufa

def hidden(*_args):
    one, other = socket.socketpair()
    other.close()
    try:
        one.send(b"to nobody")
    except BrokenPipeError:
        print("still there")

shoufa.app = lambda **_named: hidden()
shoufa.main()
"""


def test_a_connection_closed_by_a_neighbour_ends_no_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITES_TO_A_CLOSED_CONNECTION],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "still there\n"), done.stderr


def test_a_closed_terminal_ends_a_command_without_noise() -> None:
    command = [sys.executable, str(REPOSITORY / "shoufa.py"), "help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read().decode()
    assert "Traceback" not in told
