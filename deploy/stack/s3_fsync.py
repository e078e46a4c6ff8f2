"""The S3 server's own fsync, for a file system that cannot be told to write synchronously.

``python -m deploy.stack.s3_fsync FILER`` (``http://host:port``), standard library only. Idempotent.
It covers less than the attribute of deploy.stack.s3: the bytes, not their names.
"""

import json
import sys
import time
import urllib.request

PATIENCE_S = 30.0


def turn_fsync_on(filer: str) -> None:
    """Let the server call fsync on the file with an object's bytes before it acknowledges.

    Raises OSError while the server does not answer.
    """
    rule = {"version": 1, "locations": [{"locationPrefix": "/buckets/", "fsync": True}]}
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{filer}/etc/seaweedfs/filer.conf", json.dumps(rule).encode(), method="PUT"
    )
    # Loopback never goes through the centre's proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        answer.read()


def main(filer: str) -> int:
    """Try again while the server starts; 1 with the reason where it never answers."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            turn_fsync_on(filer)
            return 0
        except OSError as error:
            if time.monotonic() > deadline:
                print(f"S3: {error}", file=sys.stderr)
                return 1
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
