"""What the S3 server needs once it answers: the bucket, and its own fsync where that must help.

``python -m deploy.stack.s3_setup ENDPOINT BUCKET KEY_FILE [FILER]``, standard library only so that
it costs a tenth of a second. Idempotent. FILER (``http://host:port``) is given only where the file
system cannot be told to write synchronously.
"""

import hashlib
import hmac
import json
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE_S = 30.0


def signed_request(
    method: str, url: str, access_key: str, secret_key: str, now: datetime
) -> urllib.request.Request:
    """A request with an empty body, signed by AWS Signature Version 4 (region us-east-1)."""
    parts = urlsplit(url)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": parts.netloc, "x-amz-content-sha256": empty, "x-amz-date": stamp}
    names = ";".join(headers)
    lines = (f"{name}:{value}" for name, value in headers.items())
    canonical = "\n".join([method, parts.path, parts.query, *lines, "", names, empty])
    scope = f"{day}/us-east-1/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    del headers["host"]
    return urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 - our endpoint


def make_bucket(endpoint: str, bucket: str, access_key: str, secret_key: str) -> None:
    """Make the bucket if it is not there. Raises urllib's HTTPError or URLError."""
    url = f"{endpoint.rstrip('/')}/{bucket}"
    try:
        _open(signed_request("HEAD", url, access_key, secret_key, datetime.now(UTC)))
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        _open(signed_request("PUT", url, access_key, secret_key, datetime.now(UTC)))


def turn_fsync_on(filer: str) -> None:
    """Let the server call fsync on the file with an object's bytes before it acknowledges."""
    rule = {"version": 1, "locations": [{"locationPrefix": "/buckets/", "fsync": True}]}
    url = f"{filer}/etc/seaweedfs/filer.conf"
    body = json.dumps(rule).encode()
    _open(urllib.request.Request(url, body, method="PUT"))  # noqa: S310 - our own server


def _open(request: urllib.request.Request) -> None:
    # Loopback never goes through the centre's proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        answer.read()


def main(endpoint: str, bucket: str, key_file: str, filer: str = "") -> int:
    """Do both, trying again while the server starts; 1 with the reason where that fails."""
    keys = json.loads(Path(key_file).read_text(encoding="utf-8"))
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            make_bucket(endpoint, bucket, keys["access_key"], keys["secret_key"])
            if filer:
                turn_fsync_on(filer)
            return 0
        except OSError as error:  # URLError and HTTPError among them
            if time.monotonic() > deadline:
                print(f"S3: {error}", file=sys.stderr)
                return 1
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
