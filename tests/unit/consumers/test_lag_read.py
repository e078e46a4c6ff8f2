"""The questions to the brokers: few, whatever the number of groups; half answers are half known."""

from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError, NodeNotReadyError
from kafka.protocol.admin import DescribeGroupsRequest, ListGroupsRequest
from kafka.protocol.consumer import ListOffsetsRequest, OffsetFetchRequest
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment
from kafka.protocol.metadata import MetadataRequest

from consumers.lag_look import Look
from consumers.lag_read import look_at

EMPTY_ASSIGNMENT = b""


def owns(topic: str, *partitions: int) -> bytes:
    kind = ConsumerProtocolAssignment.TopicPartition
    made = ConsumerProtocolAssignment(
        version=0,
        assigned_partitions=[kind(topic=topic, partitions=list(partitions))],
        user_data=b"",
    )
    return bytes(made.encode(version=0))


class Cluster:
    """Two brokers: 1 leads topic ``a`` and coordinates ``g``, 2 leads ``b`` and coordinates ``h``."""

    def __init__(self, *, version: int = 8) -> None:
        self.asked: list[tuple[str, int | None]] = []
        self.fails: dict[tuple[str, int | None], Exception] = {}
        self.errors: dict[str, int] = {}
        self.version = version
        self.groups: dict[int, list[Any]] = {
            1: [self.listed("g", "Stable")],
            2: [self.listed("h", "Stable")],
        }
        self.members = {"g": [owns("a", 0, 1)], "h": [owns("b", 0)]}
        self.commits: dict[str, dict[tuple[str, int], int]] = {
            "g": {("a", 0): 3, ("a", 1): 0},
            "h": {("b", 0): 7},
        }
        self.broker_version_data = SimpleNamespace(api_version=lambda _request: self.version)
        self.updated = 0
        self.cluster = SimpleNamespace(
            brokers=lambda: [SimpleNamespace(node_id=n) for n in (1, 2)],
            update_metadata=lambda _answer: setattr(self, "updated", self.updated + 1),
        )
        self.nodes = [1, 2]

    @staticmethod
    def listed(name: str, state: str, kind: str = "consumer", sort: str = "classic") -> Any:
        return SimpleNamespace(
            group_id=name, group_state=state, protocol_type=kind, group_type=sort
        )

    async def send(self, request: Any, node_id: int | None = None) -> Any:
        name = type(request).__name__
        self.asked.append((name, node_id))
        if (name, node_id) in self.fails:
            raise self.fails[name, node_id]
        return {
            MetadataRequest: self.metadata,
            ListGroupsRequest: self.list_groups,
            DescribeGroupsRequest: self.describe,
            OffsetFetchRequest: self.fetch,
            ListOffsetsRequest: self.offsets,
        }[type(request)](request, node_id)

    def metadata(self, _request: Any, _node: Any) -> Any:
        def topic(name: str, leader: int, count: int) -> Any:
            parts = [SimpleNamespace(partition_index=p, leader_id=leader) for p in range(count)]
            return SimpleNamespace(
                name=name,
                error_code=self.errors.get(name, 0),
                topic_id=f"id-{name}",
                partitions=parts,
            )

        return SimpleNamespace(
            brokers=[SimpleNamespace(node_id=n) for n in self.nodes],
            topics=[topic("a", 1, 2), topic("b", 2, 1)],
        )

    def list_groups(self, _request: Any, node: Any) -> Any:
        error = self.errors.get(f"list {node}", 0)
        return SimpleNamespace(error_code=error, groups=[] if error else self.groups[node])

    def describe(self, request: Any, _node: Any) -> Any:
        groups = []
        for name in request.groups:
            members = [SimpleNamespace(member_assignment=a) for a in self.members.get(name, [])]
            groups.append(
                SimpleNamespace(
                    group_id=name,
                    error_code=self.errors.get(f"describe {name}", 0),
                    group_state="Stable",
                    members=members,
                )
            )
        return SimpleNamespace(groups=groups)

    def fetch(self, request: Any, _node: Any) -> Any:
        def group(name: str) -> Any:
            topics: dict[str, list[Any]] = {}
            for (topic, partition), offset in self.commits.get(name, {}).items():
                part = SimpleNamespace(
                    partition_index=partition,
                    committed_offset=offset,
                    error_code=self.errors.get(f"commit {name}", 0),
                )
                topics.setdefault(topic, []).append(part)
            return SimpleNamespace(
                group_id=name,
                error_code=self.errors.get(f"fetch {name}", 0),
                topics=[SimpleNamespace(name=t, partitions=p) for t, p in topics.items()],
            )

        if self.version >= 8:
            return SimpleNamespace(groups=[group(g.group_id) for g in request.groups])
        return group(request.group_id)

    def offsets(self, request: Any, _node: Any) -> Any:
        topics = []
        for topic in request.topics:
            parts = []
            for part in topic.partitions:
                end = 9 if part.timestamp == -1 else 1
                error = self.errors.get(f"{topic.name}-{part.partition_index}", 0)
                parts.append(
                    SimpleNamespace(
                        partition_index=part.partition_index,
                        error_code=error,
                        offset=-1 if error else end,
                    )
                )
            topics.append(SimpleNamespace(name=topic.name, partitions=parts))
        return SimpleNamespace(topics=topics)


def look(cluster: Cluster, wanted: set[str] | None = None, topics: set[str] = frozenset()) -> Look:  # type: ignore[assignment]
    coroutine = look_at(cluster, wanted, set(topics))
    try:
        coroutine.send(None)
    except StopIteration as end:
        found: Look = end.value
        return found
    raise AssertionError("it waits for something")


def test_a_whole_look() -> None:
    cluster = Cluster()
    found = look(cluster)
    assert found.errors == []
    g = found.groups["g"]
    assert (g.state, g.members, g.owned) == ("Stable", 1, frozenset({("a", 0), ("a", 1)}))
    assert g.commits == {("a", 0): 3, ("a", 1): 0}
    assert found.ends == {("a", 0): 9, ("a", 1): 9, ("b", 0): 9}
    assert set(found.starts.values()) == {1}
    assert found.topics == {"a": "id-a", "b": "id-b"}
    names = [name for name, _ in cluster.asked]
    # commits before ends: what is committed meanwhile can make no lag negative
    assert names.index("OffsetFetchRequest") < names.index("ListOffsetsRequest")
    assert found.requests == len(cluster.asked) == 1 + 2 * 5


def test_requests_do_not_grow_with_the_groups() -> None:
    cluster = Cluster()
    few = look(cluster).requests
    cluster.groups[1] += [cluster.listed(f"more-{n}", "Stable") for n in range(500)]
    assert look(cluster).requests == few


def test_before_kafka_3_commits_are_asked_for_group_by_group() -> None:
    cluster = Cluster(version=5)
    found = look(cluster)
    assert found.groups["h"].commits == {("b", 0): 7}
    assert found.errors == []


def test_empty_groups_and_those_of_others_need_no_description() -> None:
    cluster = Cluster()
    cluster.groups[1] = [
        cluster.listed("g", "Empty"),
        cluster.listed("simple", "Empty", kind=""),
        cluster.listed("connect", "Stable", kind="connect"),
        cluster.listed("shared", "Stable", sort="share"),
    ]
    cluster.commits["simple"] = {("a", 0): 1}
    found = look(cluster)
    assert set(found.groups) == {"g", "simple", "h"}
    assert (found.groups["g"].members, found.groups["g"].owned) == (0, frozenset())
    assert (found.groups["simple"].members, found.groups["simple"].owned) == (0, None)
    assert ("DescribeGroupsRequest", 1) not in cluster.asked


def test_only_the_groups_that_are_wanted() -> None:
    found = look(Cluster(), wanted={"h", "none"}, topics={"a"})
    assert set(found.groups) == {"h"}
    assert set(found.ends) == {("a", 0), ("a", 1), ("b", 0)}


@pytest.mark.parametrize("error", [NodeNotReadyError(2), KafkaTimeoutError()])
def test_a_broker_that_lists_nothing_is_told(error: Exception) -> None:
    cluster = Cluster()
    cluster.fails["ListGroupsRequest", 2] = error
    found = look(cluster)
    assert set(found.groups) == {"g"}
    assert found.failed.startswith("broker 2")
    assert len(found.errors) == 1


def test_a_coordinator_that_is_loading_is_told() -> None:
    cluster = Cluster()
    cluster.errors["list 1"] = 14
    assert look(cluster).failed == "broker 1: CoordinatorLoadInProgressError"


@pytest.mark.parametrize(
    ("what", "code", "told"),
    [
        ("fetch g", 16, "NotCoordinatorError"),
        ("fetch g", 30, "GroupAuthorizationFailedError"),
        ("commit g", 88, "UnstableOffsetCommitError"),
    ],
)
def test_commits_that_cannot_be_had_are_no_commits(what: str, code: int, told: str) -> None:
    cluster = Cluster()
    cluster.errors[what] = code
    found = look(cluster)
    assert (found.groups["g"].error, found.groups["g"].commits) == (told, {})
    assert found.groups["h"].error == ""


def test_commits_that_are_not_answered_are_an_error_of_those_groups() -> None:
    cluster = Cluster()
    cluster.fails["OffsetFetchRequest", 1] = KafkaTimeoutError()
    found = look(cluster)
    assert found.groups["g"].error == "KafkaTimeoutError"
    assert found.groups["h"].commits == {("b", 0): 7}


def test_members_that_cannot_be_described_are_unknown_not_none() -> None:
    cluster = Cluster()
    cluster.errors["describe g"] = 69  # a group of the newer protocol, asked the old way
    g = look(cluster).groups["g"]
    assert (g.members, g.owned, g.error) == (None, None, "")
    cluster.fails["DescribeGroupsRequest", 2] = KafkaTimeoutError()
    h = look(cluster).groups["h"]
    assert (h.members, h.owned) == (None, None)


def test_an_assignment_of_another_kind_hides_who_owns_what() -> None:
    cluster = Cluster()
    cluster.members["g"] = [owns("a", 0), b"\xff\xff\xff"]
    g = look(cluster).groups["g"]
    assert (g.members, g.owned) == (2, None)
    cluster.members["g"] = [owns("a", 0), EMPTY_ASSIGNMENT]
    assert look(cluster).groups["g"].owned == frozenset({("a", 0)})


def test_partitions_without_an_answer_are_left_out_and_named() -> None:
    cluster = Cluster()
    cluster.errors["a-1"] = 6
    found = look(cluster)
    assert set(found.ends) == {("a", 0), ("b", 0)}
    assert found.errors == ["a-1: NotLeaderForPartitionError"] * 2


def test_a_topic_that_cannot_be_described_is_named() -> None:
    cluster = Cluster()
    cluster.errors["b"] = 29
    found = look(cluster)
    assert "topic b: TopicAuthorizationFailedError" in found.errors
    assert set(found.ends) == {("a", 0), ("a", 1)}


def test_a_leader_that_is_away_takes_only_its_own() -> None:
    cluster = Cluster()
    cluster.fails["ListOffsetsRequest", 2] = NodeNotReadyError(2)
    found = look(cluster)
    assert set(found.ends) == {("a", 0), ("a", 1)}


def test_a_broker_that_joined_is_taken_up() -> None:
    cluster = Cluster()
    look(cluster)
    assert cluster.updated == 0
    cluster.nodes = [1, 2, 3]
    cluster.groups[3] = []
    look(cluster)
    assert cluster.updated == 1
