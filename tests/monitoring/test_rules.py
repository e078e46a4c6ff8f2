"""The alert rules, routes and configurations as Prometheus and Alertmanager themselves read them."""

import re
import subprocess
from pathlib import Path

import pytest

from schemas.settings import REPOSITORY
from tests.missing import without
from tests.monitoring.tools import tool

FOLDER = REPOSITORY / "deploy" / "monitoring"
CASES = REPOSITORY / "tests" / "monitoring" / "alerts.test.yml"
ALERTS = re.findall(r"- alert: (\w+)", (FOLDER / "alerts.rules.yml").read_text("utf-8"))


def program(name: str) -> str:
    """Its path; without it the test is skipped, but never in CI."""
    found = tool(name)
    if found is None:
        without(f"{name} is neither installed nor to be had from Debian")
    return found


def run(name: str, *arguments: str, cwd: Path = FOLDER) -> str:
    done = subprocess.run(
        [program(name), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_case_of_every_alert_holds() -> None:
    assert "SUCCESS" in run("promtool", "test", "rules", str(CASES))


@pytest.mark.slow
def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    told = run("promtool", "check", "config", "prometheus.yml")
    assert "is valid prometheus config" in told
    assert "2 rule files found" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["severity=page", "alertname=MonitorBlind"], "on-duty"),
        (["severity=editor", "alertname=StoryLate", "channel=web"], "duty-editor"),
        (["severity=ticket", "alertname=Rewind"], "operators"),
        (["alertname=SomethingNew"], "operators"),
    ],
)
def test_an_alert_reaches_whom_it_is_for(labels: list[str], receiver: str) -> None:
    run("amtool", "check-config", "alertmanager.yml")
    told = run("amtool", "config", "routes", "test", "--config.file=alertmanager.yml", *labels)
    assert told.strip().splitlines()[-1] == receiver


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_case_that_rings_one_that_does_not_and_a_runbook(alert: str) -> None:
    cases = CASES.read_text("utf-8").split("  - interval: ")
    mine = [case for case in cases if f"alertname: {alert}\n" in case]
    assert any("exp_labels" in case for case in mine)
    assert any("exp_alerts: []" in case for case in mine)
    rule = (FOLDER / "alerts.rules.yml").read_text("utf-8").split(f"- alert: {alert}\n")[1]
    page, _, anchor = re.findall(r'runbook: "(\S+)"', rule)[0].partition("#")
    headings = re.findall(r"^## (\w+)$", (REPOSITORY / page).read_text("utf-8"), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]
