"""Reading the channels file and the newsroom file: all faults at once, none half taken. Pure."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from schemas.channel import Channel, ChannelSpec
from schemas.errors import Fault, InvalidInput
from schemas.newsroom import Newsroom

_VARIABLE = re.compile(r"\$\{([a-z_]+)\}")


def read_channels(
    text: str, variables: Mapping[str, str], modules: Mapping[str, Channel]
) -> dict[str, ChannelSpec]:
    """Channel id → its validated entry, in the file's order.

    ``variables`` fill ``${name}`` in any string. Raises InvalidInput with every fault found.
    """
    table = _toml(text, "channels").get("channels")
    if not isinstance(table, dict) or not table:
        raise InvalidInput(
            Fault("empty", "channels", "没有任何 [channels.…] / no [channels.…] entry")
        )
    faults: list[Fault] = []
    specs: dict[str, ChannelSpec] = {}
    for channel, raw in table.items():
        where = f"channels.{channel}"
        if not isinstance(raw, dict):
            faults.append(Fault("not_a_table", where, "应写成 [channels.名] / must be a table"))
            continue
        entry = _fill(raw, variables, where, faults)
        name = str(entry.get("module", channel))
        module = modules.get(name)
        if module is None:
            known = "、".join(sorted(modules))
            faults.append(
                Fault(
                    "unknown_module",
                    f"{where}.module",
                    f"没有渠道模块 {name!r} / there is no channel module {name!r}",
                    f"可用 / known: {known}",
                )
            )
            continue
        try:
            specs[channel] = module.Spec.model_validate({**entry, "id": channel, "module": name})
        except ValidationError as error:
            faults += faults_of(error, where)
    if faults:
        raise InvalidInput(*faults)
    return specs


def read_newsroom(text: str, variables: Mapping[str, str]) -> Newsroom:
    """The validated newsroom file; raises InvalidInput with every fault found."""
    faults: list[Fault] = []
    entries = _fill(_toml(text, "newsroom"), variables, "newsroom", faults)
    if faults:
        raise InvalidInput(*faults)
    try:
        newsroom = Newsroom.model_validate(entries)
    except ValidationError as error:
        raise InvalidInput(*faults_of(error, "newsroom")) from error
    ids = [person.id for person in newsroom.people]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise InvalidInput(
            Fault("duplicate", "newsroom.people.id", f"重复 / used twice: {', '.join(twice)}")
        )
    return newsroom


def faults_of(error: ValidationError, prefix: str = "") -> list[Fault]:
    """pydantic's findings in our one shape; the field is a dotted path."""
    faults: list[Fault] = []
    for found in error.errors():
        path = ".".join(str(part) for part in found["loc"])
        field = ".".join(part for part in (prefix, path) if part) or "body"
        code, reason = _in_words(found["type"], found["msg"], found.get("ctx") or {})
        if code == "too_short" and any(f.field.startswith(f"{field}.") for f in faults):
            continue  # an empty list only because its members were refused above
        faults.append(Fault(code, field, reason))
    return faults


def _in_words(kind: str, message: str, context: dict[str, Any]) -> tuple[str, str]:
    chinese = {
        "missing": "缺少此项",
        "extra_forbidden": "没有这个字段",
        "string_type": "应为文字",
        "int_type": "应为整数",
        "int_parsing": "应为整数",
        "bool_type": "应为 true 或 false",
        "bool_parsing": "应为 true 或 false",
        "string_too_long": f"太长, 最多 {context.get('max_length')} 字",
        "string_too_short": "不能为空",
        "too_short": "不能为空",
        "too_long": f"太多, 最多 {context.get('max_length')} 项",
        "literal_error": f"只能是 {context.get('expected')}",
        "union_tag_invalid": f"没有这种正文块, 只能是 {context.get('expected_tags')}",
        "union_tag_not_found": "正文块缺少 kind",
        "json_invalid": "不是合法的 JSON",
        "model_type": "应为对象",
        "model_attributes_type": "应为对象",
        "dict_type": "应为对象",
        "tuple_type": "应为列表",
        "timezone_aware": "时间要写明时区",
        "uuid_parsing": "不是合法的编号",
    }.get(kind)
    if kind == "value_error":
        return "invalid", message.removeprefix("Value error, ")
    return kind, f"{chinese or '不合要求'} / {message}"


def _toml(text: str, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(
            Fault("not_toml", what, f"不是合法的 TOML / not valid TOML: {error}")
        ) from error


def _fill(value: Any, variables: Mapping[str, str], where: str, faults: list[Fault]) -> Any:
    if isinstance(value, dict):
        return {k: _fill(v, variables, f"{where}.{k}", faults) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, variables, f"{where}.{i}", faults) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value
    faults.extend(
        Fault("unknown_variable", where, f"没有变量 / unknown variable ${{{name}}}")
        for name in _VARIABLE.findall(value)
        if name not in variables
    )
    return _VARIABLE.sub(lambda m: variables.get(m.group(1), m.group(0)), value)
