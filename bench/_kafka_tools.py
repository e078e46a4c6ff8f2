"""Kafka's own command-line tools: one more jar than the broker needs, fetched for a benchmark."""

from deploy.stack.jars import Jar, class_path, ensure_jars, jars_dir
from deploy.stack.kafka import java_environment, kafka_command

TOOLS = Jar(
    "org.apache.kafka",
    "kafka-tools",
    "4.3.1",
    "62f3c5dd7aa3442d4c5bc6a95f86e2502178ea09de8e27f74d9563bf955e253c",
)
"""Of the same release as the broker's jars."""

GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
"""What ``bin/kafka-consumer-groups.sh`` runs."""


def consumer_groups(bootstrap: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of ``kafka-consumer-groups``, on the Java of the stack with
    that program's own settings (the script's ``-Xmx256m`` is too small for 10,000 partitions)."""
    ensure_jars(jars_dir(), [TOOLS])
    whole = f"{class_path()}:{TOOLS.path(jars_dir())}"
    java = kafka_command("")[0]
    quiet = ["-Dlog4j2.StatusLogger.level=OFF", "-Dlog4j.configuration=file:log4j.properties"]
    argv = [java, "-Xmx512m", *quiet, "-cp", whole, GROUPS, "--bootstrap-server", bootstrap]
    return [*argv, *arguments], java_environment()
