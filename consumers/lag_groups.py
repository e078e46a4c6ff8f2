"""What the coordinators say of their groups: which there are, what they committed, who reads what."""

import struct
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import kafka.errors as kafka_errors
from kafka.protocol.admin import DescribeGroupsRequest, ListGroupsRequest
from kafka.protocol.consumer import OffsetFetchRequest
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from consumers.lag_look import Look, Place

BATCHED_FETCH = 8
"""Version of OffsetFetch that takes many groups (KIP-709)."""


def told(code: int) -> str:
    """Kafka's name of an error code."""
    return str(kafka_errors.for_code(code).__name__)


async def ask(manager: Any, look: Look, request: Any, node: int | None = None) -> Any:
    look.requests += 1
    return await manager.send(request, node_id=node)


async def list_groups(
    manager: Any, look: Look, nodes: list[int], wanted: set[str] | None
) -> tuple[dict[str, tuple[int, str, str]], str]:
    """Group → (coordinator, state, kind), and what failed."""
    listed: dict[str, tuple[int, str, str]] = {}
    failed = ""
    for node in nodes:
        try:
            answer = await ask(manager, look, ListGroupsRequest(), node)
        except kafka_errors.KafkaError as error:
            failed = f"broker {node}: {type(error).__name__}"
            look.errors.append(f"groups of {failed}")
            continue
        if answer.error_code:
            failed = f"broker {node}: {told(answer.error_code)}"
            look.errors.append(f"groups of {failed}")
        for group in answer.groups:
            if group.protocol_type not in {"", "consumer"}:
                continue  # Connect workers and the like hold no offsets
            if getattr(group, "group_type", "") in {"share", "streams"}:
                continue
            if wanted is None or group.group_id in wanted:
                state = getattr(group, "group_state", "") or ""
                listed[group.group_id] = (node, state, group.protocol_type)
    return listed, failed


def _by_node(listed: Mapping[str, tuple[int, str, str]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for name, (node, _, _) in listed.items():
        found[node].append(name)
    return found


async def read_commits(
    manager: Any, look: Look, listed: Mapping[str, tuple[int, str, str]]
) -> dict[str, dict[Place, int] | str]:
    """Group → its commits, or what went wrong."""
    found: dict[str, dict[Place, int] | str] = {}
    whole = manager.broker_version_data.api_version(OffsetFetchRequest) >= BATCHED_FETCH
    for node, names in _by_node(listed).items():
        for some in [names] if whole else [[name] for name in names]:
            try:
                answer = await ask(manager, look, _fetch_of(some, whole=whole), node)
            except kafka_errors.KafkaError as error:
                found |= dict.fromkeys(some, f"{type(error).__name__}")
                look.errors.append(f"commits at broker {node}: {type(error).__name__}")
                continue
            if whole:
                found |= {group.group_id: _commits_of(group) for group in answer.groups}
            else:
                found[some[0]] = _commits_of(answer)
    return found


def _fetch_of(names: list[str], *, whole: bool) -> Any:
    if whole:
        group = OffsetFetchRequest.OffsetFetchRequestGroup
        groups = [group(group_id=name, topics=None) for name in names]
        return OffsetFetchRequest(groups=groups, min_version=8, max_version=8)
    return OffsetFetchRequest(group_id=names[0], topics=None, min_version=2, max_version=7)


def _commits_of(group: Any) -> dict[Place, int] | str:
    if group.error_code:
        return told(group.error_code)
    commits: dict[Place, int] = {}
    for topic in group.topics:
        name = topic.name
        for part in topic.partitions:
            if part.error_code:
                # e.g. a commit inside an open transaction: half an answer is no answer
                return told(part.error_code)
            if part.committed_offset >= 0:
                commits[name, part.partition_index] = part.committed_offset
    return commits


async def describe(
    manager: Any, look: Look, listed: Mapping[str, tuple[int, str, str]]
) -> dict[str, tuple[int | None, frozenset[Place] | None, str]]:
    """Group → (members, partitions that they own, error). Empty groups need no asking."""
    found: dict[str, tuple[int | None, frozenset[Place] | None, str]] = {}
    for node, names in _by_node(listed).items():
        asked = [name for name in names if listed[name][1] not in {"Empty", "Dead"}]
        if not asked:
            continue
        try:
            request = DescribeGroupsRequest(groups=asked, include_authorized_operations=False)
            answer = await ask(manager, look, request, node)
        except kafka_errors.KafkaError as error:
            look.errors.append(f"members at broker {node}: {type(error).__name__}")
            continue
        for group in answer.groups:
            if group.error_code or group.group_state == "Dead":
                # a group of the newer protocol cannot be described so: its members are unknown
                found[group.group_id] = (None, None, "")
                continue
            owned: set[Place] = set()
            known = True
            for member in group.members:
                places = _assigned(member.member_assignment)
                known = known and places is not None
                owned |= places or set()
            stable = known and group.group_state == "Stable"
            mine = frozenset(owned) if stable else None
            found[group.group_id] = (len(group.members), mine, "")
    return found


def _assigned(assignment: bytes) -> set[Place] | None:
    """What a member owns; None for a protocol that is not the consumers' own."""
    if not assignment:
        return set()
    try:
        told_ = ConsumerProtocolAssignment.decode(assignment)
        return {(t.topic, p) for t in told_.assigned_partitions for p in t.partitions}
    except (struct.error, ValueError, AttributeError, TypeError, IndexError):
        return None
