"""Objects in S3: written once, SHA-256 checked at both ends."""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from schemas.errors import StorageFull, TransientError, Unavailable
from schemas.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

Checksums = Literal["when_supported", "when_required"]
PART_BYTES = 8 * 1024**2
MODE_FILE = "s3-mode.json"


@dataclass(frozen=True)
class Objects:
    """A bucket. The client is thread safe."""

    client: "S3Client"
    bucket: str


def open_objects(settings: Settings) -> Objects:
    """Client for the centre's S3; credentials from ``secrets/s3.json``."""
    keys = json.loads((settings.secrets_dir / "s3.json").read_text())
    return Objects(_client(settings, keys, checksum_mode(settings)), settings.s3_bucket)


def checksum_mode(settings: Settings) -> Checksums:
    """What the probe of the first start found: ``when_supported`` or ``when_required``."""
    try:
        found = json.loads((settings.run_dir / MODE_FILE).read_text())["checksums"]
    except (OSError, ValueError, KeyError):
        return "when_required"
    return "when_supported" if found == "when_supported" else "when_required"


def probe_when_up(settings: Settings, patience_s: float = 30.0) -> dict[str, Any]:
    """:func:`probe`, repeated while the server is still starting."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return probe(settings)
        except Unavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


def probe(settings: Settings) -> dict[str, Any]:
    """Find out what the S3 server can do, keep it for all processes, and make the bucket.

    Other servers than Amazon's refuse or even store the newer trailing checksums; then our own
    SHA-256 stands alone. Raises Unavailable.
    """
    keys = json.loads((settings.secrets_dir / "s3.json").read_text())
    found: dict[str, Any] = {"checksums": "when_required", "multipart": False}
    modes: tuple[Checksums, ...] = ("when_supported", "when_required")
    for mode in modes:
        client = _client(settings, keys, mode)
        try:
            _make_bucket(client, settings.s3_bucket)
            body = b"shoufa probe " * 40
            client.put_object(Bucket=settings.s3_bucket, Key="probe/put", Body=body)
            back = client.get_object(Bucket=settings.s3_bucket, Key="probe/put")["Body"].read()
            if back != body:
                continue
            upload = client.create_multipart_upload(Bucket=settings.s3_bucket, Key="probe/parts")
            client.abort_multipart_upload(
                Bucket=settings.s3_bucket, Key="probe/parts", UploadId=upload["UploadId"]
            )
            client.delete_object(Bucket=settings.s3_bucket, Key="probe/put")
        except ClientError:
            continue
        except BotoCoreError as error:
            raise Unavailable("s3", str(error)) from error
        found = {"checksums": mode, "multipart": True}
        break
    else:
        raise Unavailable("s3", "the server failed the start-up probe: put, get, multipart")
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    (settings.run_dir / MODE_FILE).write_text(json.dumps(found))
    return found


def put(objects: Objects, key: str, data: bytes, content_type: str) -> None:
    """Write a small object; a second write of the same key holds the same bytes."""
    with spoken():
        objects.client.put_object(
            Bucket=objects.bucket, Key=key, Body=data, ContentType=content_type
        )


def put_file(objects: Objects, key: str, path: Path, content_type: str) -> None:
    with spoken():
        objects.client.upload_file(
            str(path), objects.bucket, key, ExtraArgs={"ContentType": content_type}
        )


def get(objects: Objects, key: str, sha256: str) -> bytes:
    """Read a small object; raises TransientError when the bytes are not those of ``sha256``."""
    with spoken():
        data = objects.client.get_object(Bucket=objects.bucket, Key=key)["Body"].read()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise TransientError(f"object {key} does not have its SHA-256")
    return data


def get_file(objects: Objects, key: str, sha256: str, path: Path) -> int:
    """Download to ``path`` while hashing; returns the size in bytes. A wrong hash leaves no file."""
    digest = hashlib.sha256()
    size = 0
    part = path.with_name(path.name + ".part")
    with spoken(), part.open("wb") as out:
        body = objects.client.get_object(Bucket=objects.bucket, Key=key)["Body"]
        for chunk in body.iter_chunks(1024**2):
            digest.update(chunk)
            out.write(chunk)
            size += len(chunk)
    if digest.hexdigest() != sha256:
        part.unlink()
        raise TransientError(f"object {key} does not have its SHA-256")
    part.rename(path)
    return size


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file on local disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def delete(objects: Objects, key: str) -> None:
    with spoken():
        objects.client.delete_object(Bucket=objects.bucket, Key=key)


class spoken:  # noqa: N801  # reads as a word in `with`
    """boto3's errors in our tree: StorageFull, Unavailable."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            code = error.response.get("Error", {}).get("Code", "")
            if status == 507 or "InsufficientStorage" in code or "no space" in str(error).lower():
                raise StorageFull("s3") from error
            raise Unavailable("s3", f"{code} {status}") from error
        if isinstance(error, Boto3Error) and "no space" in str(error).lower():
            raise StorageFull("s3") from error
        if isinstance(error, BotoCoreError | Boto3Error):
            raise Unavailable("s3", type(error).__name__) from error
        if isinstance(error, OSError) and error.errno == 28:
            raise StorageFull("spool") from error


def _client(settings: Settings, keys: dict[str, str], mode: Checksums) -> "S3Client":
    return open_client(settings.s3_endpoint, keys, mode)


def open_client(endpoint: str, keys: dict[str, str], mode: Checksums) -> "S3Client":
    """A client of any S3 server; ``keys``: ``access_key`` and ``secret_key``."""
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"],
        config=Config(
            s3={"addressing_style": "path"},
            connect_timeout=3,
            read_timeout=60,
            max_pool_connections=16,
            retries={"max_attempts": 3, "mode": "standard"},
            request_checksum_calculation=mode,
            response_checksum_validation=mode,
        ),
    )
    return client


def _make_bucket(client: "S3Client", bucket: str) -> None:
    names = {entry.get("Name") for entry in client.list_buckets().get("Buckets", [])}
    if bucket not in names:
        client.create_bucket(Bucket=bucket)
