"""The real stack of a faults run, its processes reaching each other through the harness's network.

``python -m deploy.faults.stack FOLDER PORT_BASE NODES``: prepares, then becomes the supervisor. Nothing
of the product is changed: the same process table, with other addresses in the environment and the
folder of crash points on the PYTHONPATH.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

from deploy import supervise
from deploy.faults.places import INJECT, Places
from deploy.process_spec import ProcessSpec
from deploy.process_table import process_table
from deploy.stack import jars, kafka, s3
from deploy.stack.secret_files import ensure_secrets


def main() -> int:
    """Prepare and run; returns only where the start fails."""
    places = Places(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    settings = places.settings
    for folder in supervise.FOLDERS:
        (settings.data / folder).mkdir(parents=True, exist_ok=True)
    ensure_secrets(settings)
    class_path = jars.class_path()
    kafka.prepare_kafka(settings, class_path)
    advertise(places)
    synchronous = s3.prepare_s3(settings)
    table = process_table(settings, class_path, synchronous=synchronous, simulators=True)
    return supervise.run(
        settings, simulators=True, quiet=True, table=[through(places, spec) for spec in table]
    )


def advertise(places: Places) -> None:
    """Clients, and the other brokers, are told the network's address of a broker."""
    settings = places.settings
    for node, name in enumerate(places.kafkas, 1):
        file = kafka.node_dir(settings, node) / "server.properties"
        own = f"PLAINTEXT://127.0.0.1:{settings.kafka_node_ports(node)[0]}"
        told = f"PLAINTEXT://127.0.0.1:{places.link_port(name)}"
        lines = [
            line.replace(own, told) if line.startswith("advertised.listeners=") else line
            for line in file.read_text(encoding="ascii").splitlines()
        ]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def through(places: Places, spec: ProcessSpec) -> ProcessSpec:
    """The same process, its neighbours behind the network."""
    if "SHOUFA_PROCESS" not in spec.env or spec.name in {"migrate", "platforms", "s3-fsync"}:
        return spec
    told = {
        "SHOUFA_KAFKA": places.kafka_bootstrap,
        "SHOUFA_S3": f"http://127.0.0.1:{places.link_port('s3')}",
        "SHOUFA_FAULTS": str(places.control),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(INJECT), spec.env.get("PYTHONPATH", "")))),
    }
    # what breaks the product on purpose reaches it only where a test asked for it
    if broken := os.environ.get("INJECT_BROKEN"):
        told["INJECT_BROKEN"] = broken
        told["PYTHONPATH"] += os.pathsep + os.environ["INJECT_BROKEN_PATH"]
    return replace(spec, env={**spec.env, **told})


if __name__ == "__main__":
    sys.exit(main())
