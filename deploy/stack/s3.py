"""The local S3 server: SeaweedFS, all parts in one process, all on loopback.

Measured (version 4.48): a fresh start answers after 2.4 s, against 14 s after a crash without
``-master.peers=none`` and the short election; uploads peak at about 290 MB resident where 1 GB
was seen without the limits on what is in flight; its live heap is about 220 MB (half of it never
touched), and a memory limit below that keeps a tenth of a core busy collecting garbage.
"""

import fcntl
import json
import os
import struct
import sysconfig
from pathlib import Path

from deploy.stack.secret_files import write_secret
from schemas.settings import Settings

INNER_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port.grpc",
)
FILER = INNER_PORTS.index("filer.port")

# Linux, 64 bit: <linux/fs.h>
_GET_FLAGS, _SET_FLAGS, _SYNC_FLAG = 0x80086601, 0x40086602, 0x8


def s3_dir(settings: Settings) -> Path:
    """Working folder of the server."""
    return settings.data / "s3"


def s3_command(settings: Settings) -> list[str]:
    """Command line of the server, to be run in its working folder.

    The limits hold requests back while too much is in flight (one larger than the limit passes
    alone); volumes are small files that grow, so their number is no limit of the disk's.
    """
    options = {
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "dir": "data",
        "filer": "true",
        "s3": "true",
        "s3.port": settings.s3_port,
        **{name: settings.s3_inner_port(index) for index, name in enumerate(INNER_PORTS)},
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": "identities.json",
        "s3.autoCreateBucket": "false",
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.concurrentUploadLimitMB": 32,
        "volume.concurrentUploadLimitMB": 64,
        "volume.max": 5000,
        "volume.minFreeSpace": "500MiB",
        "volume.preStopSeconds": 1,
        "master.volumeSizeLimitMB": 1024,
        "master.peers": "none",
        "master.electionTimeout": "1s",
        "master.telemetry": "false",
    }
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    arguments = [f"-{name}={value}" for name, value in options.items()]
    return [str(weed), "-logtostderr=true", "server", *arguments]


def s3_environment(settings: Settings) -> dict[str, str]:
    """Environment of the server: nothing of the user's own SeaweedFS or AWS settings."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(s3_dir(settings)),
        "GOMEMLIMIT": "256MiB",
        "GOGC": "50",
    }


def socket_paths(settings: Settings) -> list[Path]:
    """Sockets that the server makes in /tmp whatever it is told; a SIGKILL leaves them behind."""
    inner = settings.s3_inner_port
    names = [
        f"master-grpc-{inner(1)}",
        f"volume-grpc-{inner(3)}",
        f"filer-{inner(4)}",
        f"filer-grpc-{inner(5)}",
        f"s3-grpc-{inner(6)}",
        f"s3-{settings.s3_port}",
    ]
    return [Path("/tmp") / f"seaweedfs-{name}.sock" for name in names]  # noqa: S108 - its choice


def prepare_s3(settings: Settings) -> bool:
    """Make the server's folders and its list of keys; return whether all it writes is synchronous.

    What SeaweedFS acknowledges is lost in a power cut even with its own fsync on: that covers the
    file with the bytes, not the index beside it nor the names. So the data folder carries the file
    system's own "synchronous" attribute, which new files inherit. False where the file system has
    no such attribute.
    """
    folder = s3_dir(settings)
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    keys = json.loads((settings.secrets_dir / "s3.json").read_text(encoding="utf-8"))
    identity = {
        "name": "shoufa",
        "credentials": [{"accessKey": keys["access_key"], "secretKey": keys["secret_key"]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    write_secret(folder / "identities.json", json.dumps({"identities": [identity]}))
    return make_synchronous(data)


def make_synchronous(folder: Path) -> bool:
    """Let every write below the folder reach the disk before it returns; False if not possible."""
    try:
        if _is_synchronous(folder):
            return True
        for path in (*folder.rglob("*"), folder):
            if path.is_dir() or path.is_file():
                _set_synchronous(path)
        return _is_synchronous(folder)
    except OSError:
        return False


def _flags(descriptor: int) -> int:
    answer = fcntl.ioctl(descriptor, _GET_FLAGS, struct.pack("l", 0))
    return int(struct.unpack("l", answer)[0])


def _is_synchronous(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return bool(_flags(descriptor) & _SYNC_FLAG)
    finally:
        os.close(descriptor)


def _set_synchronous(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flags = _flags(descriptor) | _SYNC_FLAG
        fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("l", flags))
    finally:
        os.close(descriptor)
