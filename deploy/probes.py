"""Asking a local server whether it works. Short, on loopback, never raises."""

import http.client
import socket
import struct

from bus.liveness import ready_pid
from deploy.process_spec import ProcessSpec, StackPlan

API_VERSIONS_KEY, API_VERSIONS_VERSION, CORRELATION = 18, 0, 7


def kafka_answers(port: int, limit_s: float) -> bool:
    """Whether a broker answers an ApiVersions request (Kafka protocol, version 0)."""
    head = struct.pack(">hhih", API_VERSIONS_KEY, API_VERSIONS_VERSION, CORRELATION, -1)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as link:
            link.sendall(struct.pack(">i", len(head)) + head)
            with link.makefile("rb") as answer:
                size, correlation, error = struct.unpack(">iih", answer.read(10))
    except (OSError, struct.error):
        return False
    return bool(size > 6 and correlation == CORRELATION and error == 0)


def http_answers(port: int, limit_s: float) -> bool:
    """Whether an HTTP server answers at all (403 is an answer, 5xx is not)."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=limit_s)
    try:
        link.request("GET", "/")
        return link.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def is_ready(spec: ProcessSpec, plan: StackPlan, pid: int, limit_s: float) -> bool:
    """Whether the process does its work now; for a step this is never so: it ends."""
    match spec.ready:
        case "kafka":
            return kafka_answers(spec.port, limit_s)
        case "http":
            return http_answers(spec.port, limit_s)
        case "file":
            return ready_pid(plan.run_dir, spec.name) == pid
        case "exit":
            return False
