"""Settings, channels, topics, messages, states and endpoints: the manuals say what the code does."""

import json
import re
import typing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cli.wiring import channel_modules, variables
from deploy.process_table import TITLES
from deploy.stack.secret_files import FIRST_SECRETS
from desk.words import STATES
from schemas.channel import ChannelSpec
from schemas.checks import CheckRules, WatchedWord
from schemas.configuration import read_channels
from schemas.errors import PipelineError
from schemas.events import EVENTS
from schemas.newsroom import DefaultPlan, Newsroom, Person, Robot, SignInRules, UploadLimits
from schemas.orders import ORDERS
from schemas.settings import REPOSITORY, Settings
from schemas.topics import DAY_MS, topics
from stores.ledger import overdue
from tests.unit.pages import code, rows_below, text

DEPENDENCIES = "docs/decisions/0011-what-we-depend-on.md"


def test_every_setting_is_told_with_its_default() -> None:
    rows = {code(row[0]): row[1] for row in rows_below("docs/operate.md", "### Environment")}
    by_script = {"SHOUFA_HOME", "SHOUFA_PYTHON", "SHOUFA_KEY"}
    settings = {f"SHOUFA_{name.upper()}": info for name, info in Settings.model_fields.items()}
    assert set(rows) == set(settings) | by_script
    for name, info in settings.items():
        default = info.default
        if isinstance(default, Path):
            default = default.relative_to(REPOSITORY).as_posix()
        assert rows[name] == (f"`{default}`" if default != "" else "–"), name


def test_every_port_is_told() -> None:
    told = {code(row[0]) for row in rows_below("docs/operate.md", "### Ports")}
    settings = Settings(port_base=7400)
    ports = {
        settings.web_port, settings.site_port, settings.kafka_port, settings.kafka_controller_port,
        settings.s3_port, settings.wechat_port, settings.douyin_port, settings.relay_port,
        settings.robot_port,
    }  # fmt: skip
    offsets = {f"+{port - 7400}" for port in ports}
    assert offsets <= told


def test_every_process_and_secret_is_told() -> None:
    page = text("docs/operate.md")
    told = {code(row[0]) for row in rows_below("docs/operate.md", "### Processes")}
    assert set(TITLES) | {"supervise"} == told
    for name in FIRST_SECRETS:
        assert f"`{name}`" in page, name


def test_every_common_field_of_a_channel_is_told_with_its_default() -> None:
    check_fields("### Common fields", ChannelSpec, set())


@pytest.mark.parametrize("module", sorted(channel_modules()))
def test_every_field_of_a_channel_module_is_told_with_its_default(module: str) -> None:
    spec = channel_modules()[module].Spec
    same = {
        name
        for name, info in ChannelSpec.model_fields.items()
        if info.default == spec.model_fields[name].default and info.is_required() is False
    }
    required = {name for name, info in ChannelSpec.model_fields.items() if info.is_required()}
    check_fields(f"### Module `{module}`", spec, same | required)


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("### Whole file", Newsroom),
        ("### `[plan]`", DefaultPlan),
        ("### `[robot]`", Robot),
        ("### `[uploads]`", UploadLimits),
        ("### `[sign_in]`", SignInRules),
        ("### `[checks]`", CheckRules),
        ("### `[[checks.words]]`", WatchedWord),
        ("### `[[people]]`", Person),
    ],
)
def test_every_field_of_the_newsroom_file_is_told(heading: str, model: type[BaseModel]) -> None:
    check_fields(heading, model, set())


def check_fields(heading: str, model: type[BaseModel], without: set[str]) -> None:
    rows = {code(row[0]): row[1] for row in rows_below("docs/operate.md", heading)}
    fields = {n: info for n, info in model.model_fields.items() if n not in without}
    assert set(rows) == set(fields)
    for name, info in fields.items():
        assert rows[name] == shown(info), f"{heading}: {name} is {shown(info)}"


def shown(info: FieldInfo) -> str:
    """A default as the tables write it."""
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, Path):
        return f"`{value.relative_to(REPOSITORY).as_posix()}`"
    if isinstance(value, dict) and len(value) > 2:
        return "see below"
    if value in ("", None, (), {}):
        return "–"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def test_limits_and_quotas_are_told() -> None:
    page = text("docs/operate.md")
    for name, module in channel_modules().items():
        for field in ("limits", "quota"):
            info = module.Spec.model_fields.get(field)
            if info is None or shown(info) != "see below":
                continue
            default = info.default
            values = default.model_dump() if isinstance(default, BaseModel) else default
            for key, value in values.items():
                plain = f"{value:g}" if isinstance(value, float) else str(value)
                assert f"`{key}` {plain}" in page, f"{name}.{field}: `{key}` {plain}"


def test_every_dependency_is_told_with_its_reason() -> None:
    wanted = set()
    for name in ("requirements.in", "requirements-ffmpeg.in", "requirements-postgres.in"):
        lines = [line.partition("#")[0].strip() for line in text(name).splitlines()]
        wanted |= {re.split(r"[^\w.-]", line)[0].lower() for line in lines if line}
    table = re.findall(r"^\| (`.*?) \|", text(DEPENDENCIES), re.MULTILINE)
    told = {name.lower() for cell in table for name in re.findall(r"`([^`]+)`", cell)}
    assert told == wanted


def test_every_variable_of_the_channels_file_is_told() -> None:
    page = text("docs/operate.md")
    for name in variables(Settings()):
        assert f"`${{{name}}}`" in page, name


def test_the_examples_of_channels_are_taken() -> None:
    """Every toml block of the manual that holds channels is a valid channels file."""
    blocks = re.findall(r"```toml\n(.*?)```", text("docs/operate.md"), re.DOTALL)
    channels = [block for block in blocks if "[channels." in block]
    assert channels
    for block in channels:
        assert read_channels(block, variables(Settings()), channel_modules())


def test_the_topic_table_is_the_one_of_the_code() -> None:
    rows = rows_below("docs/events.md", "## Topics")
    told = {code(row[0]): row[1:6] for row in rows}
    for topic in topics(["<channel>"]):
        kept = "for ever" if topic.retention_ms < 0 else f"{topic.retention_ms // DAY_MS} days"
        expected = [
            topic.key, str(topic.partitions), kept, topic.written_by,
            topic.read_by.replace("<channel>", "that channel"),
        ]  # fmt: skip
        assert told.pop(topic.name) == expected
    assert not told, f"no such topic: {sorted(told)}"


def messages() -> dict[str, type[BaseModel]]:
    return {**EVENTS, **ORDERS}


def test_every_type_of_message_has_its_place_and_no_other_is_named() -> None:
    page = text("docs/events.md")
    heads = set(re.findall(r"^### `(cn\.shoufa\.[\w.]+)`", page, re.MULTILINE))
    assert heads == {*messages(), "cn.shoufa.dead.letter.v1"}


@pytest.mark.parametrize("kind", sorted(messages()))
def test_the_example_of_a_message_is_one(kind: str) -> None:
    part = text("docs/events.md").split(f"### `{kind}`", 1)[1].split("\n### ", 1)[0]
    example = re.search(r"```json\n(.*?)```", part, re.DOTALL)
    assert example, f"no example of {kind}"
    messages()[kind].model_validate_json(example.group(1), extra="forbid")


def test_every_state_of_a_delivery_is_told() -> None:
    rows = rows_below("docs/architecture.md", "## States of a delivery")
    assert [code(row[0]) for row in rows] == list(dict.fromkeys(code(row[0]) for row in rows))
    assert {code(row[0]) for row in rows} == set(STATES)
    assert all(len(row) == 6 and all(row) for row in rows), "state, word, meaning, owner, way, late"
    told = {code(row[0]): (row[3], row[5]) for row in rows}
    for state, limit in overdue.DELIVERIES.items():
        late = "–" if limit.late_s is None else f"{limit.late_s} s"
        assert told.pop(state) == (limit.owner, late), state
    assert not told, "every state has an owner and a limit in the code too"


def test_what_the_sweep_leads_on_is_told_with_its_limit() -> None:
    told = [row[2] for row in rows_below("docs/architecture.md", "### The sweep")]
    for seconds in (
        overdue.COPIES_LATE_S, overdue.DECISION_LATE_S, overdue.RENDITION_SILENT_S,
        overdue.RENDITION_LATE_S, overdue.OUTBOX_LATE_S,
    ):  # fmt: skip
        assert f"{seconds} s" in told


def test_every_endpoint_is_told_and_no_other() -> None:
    from producers import (
        act_routes,
        draft_routes,
        hand_routes,
        import_routes,
        look_routes,
        story_routes,
        tus_routes,
    )

    made = {
        f"{method} /v1{route.path}"
        for room in (
            story_routes,
            tus_routes,
            import_routes,
            draft_routes,
            act_routes,
            hand_routes,
            look_routes,
        )
        for route in room.router.routes
        if typing.cast("Any", route).include_in_schema
        for method in typing.cast("Any", route).methods
    }
    told = {code(row[0]) for row in rows_below("docs/api.md", "## Endpoints")}
    assert told == made | {"GET /v1/openapi.json"}


def test_every_error_class_is_told_with_its_status() -> None:
    page = text("docs/api.md")
    for status in (401, 403, 404, 409, 413, 415, 422, 503, 507):
        assert f"| {status} |" in page, status
    tree = [k for k in PipelineError.__subclasses__() if k.__module__ == "schemas.errors"]
    assert [k.__name__ for k in tree if k.__name__ not in text("docs/add-a-channel.md")] == []
