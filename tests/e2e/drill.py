"""The worst day, rehearsed: the ledger is wiped, restored from the backup, wiped, rebuilt."""

import json
import subprocess
from typing import Any

from deploy import proc
from schemas.settings import REPOSITORY, Settings
from stores.ledger import replacing
from stores.ledger.transaction import open_ledger
from tests.recovering import content

COUNTED_SINCE = {"audit", "quotas"}
"""The recovery's own line; calls counted since a channel's last answer are not told."""


def told_rows(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """All that a recovered ledger must hold again."""
    ledger = open_ledger(settings.ledger_url)
    found = content(ledger)
    ledger.close()
    return {name: rows for name, rows in found.items() if name not in COUNTED_SINCE}


def wipe_and(settings: Settings, *command: str) -> dict[str, Any]:
    """Lose the ledger, run a command of recovery as an operator would, return what it told."""
    replacing.remove(settings.data / "ledger" / "shoufa.db")
    where = ["--data", str(settings.data), "--port-base", str(settings.port_base)]
    done = subprocess.run(
        [str(REPOSITORY / "run"), *command, *where, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert proc.of_stack(str(settings.data)) == []
    told: dict[str, Any] = json.loads(done.stdout)
    return told
