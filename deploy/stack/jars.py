"""Kafka's jars: fetched once by jgo, checked against the lock, found again without a network.

``jgo.lock.toml`` holds coordinates, versions and SHA-256. Only the locked jars are fetched, by
their exact coordinates, so nothing is resolved anew. ``python -m deploy.stack.jars`` fetches what
is missing; it needs of the environment only jgo, so that it can run beside pip.
"""

import hashlib
import os
import shutil
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).with_name("jgo.lock.toml")
FETCHERS = 8
TRIES = 3


class JarsMissing(Exception):
    """Jars could not be fetched, or are not what the lock names; the text says which and why."""


@dataclass(frozen=True)
class Jar:
    """One locked jar."""

    group: str
    artifact: str
    version: str
    sha256: str

    def path(self, folder: Path) -> Path:
        """Where it lies in a folder of Maven's layout."""
        name = f"{self.artifact}-{self.version}.jar"
        return folder.joinpath(*self.group.split("."), self.artifact, self.version, name)


def jars_dir() -> Path:
    """Cache of jars: below ``SHOUFA_HOME`` where that is set, else beside the program."""
    home = os.environ.get("SHOUFA_HOME")
    return (Path(home) if home else Path(__file__).resolve().parents[2]) / ".cache" / "jars"


def locked_jars(lock: Path = LOCK) -> list[Jar]:
    """All jars of the lock; raises JarsMissing where an entry has no checksum."""
    rows = tomllib.loads(lock.read_text(encoding="utf-8"))["dependencies"]
    if any(not row.get("sha256") for row in rows):
        raise JarsMissing(f"{lock.name}: an entry without sha256")
    return [Jar(r["groupId"], r["artifactId"], r["version"], r["sha256"]) for r in rows]


def is_sound(jar: Jar, folder: Path) -> bool:
    """True when the jar is there and its bytes are the locked ones."""
    try:
        with jar.path(folder).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except OSError:
        return False


def fetch_by_jgo(jar: Jar, into: Path) -> Path:
    """Download one jar below ``into`` with jgo, from the repositories of the user's jgo settings."""
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    # A centre's own mirror is named in jgo's settings file; without one, jgo's default is used.
    repositories = GlobalSettings.load().repositories or None
    context = MavenContext(repo_cache=into, remote_repos=repositories, timeout=60)
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    return component.artifact().resolve()


def ensure_jars(
    folder: Path, jars: list[Jar], fetch: Callable[[Jar, Path], Path] = fetch_by_jgo
) -> int:
    """Fetch the jars that are missing or damaged; return how many. Raises JarsMissing.

    Each is downloaded aside, checked, and moved into place in one step, so an interrupted or a
    parallel run leaves no half jar.
    """
    missing = [jar for jar in jars if not is_sound(jar, folder)]
    if not missing:
        return 0
    with ThreadPoolExecutor(FETCHERS) as pool:
        faults = [f for f in pool.map(lambda jar: _fetch_one(jar, folder, fetch), missing) if f]
    if faults:
        raise JarsMissing(
            f"Kafka 的 {len(faults)} 个程序包取不到 / {len(faults)} of Kafka's jars cannot be had: "
            f"{_short(faults[0])}\n"
            "  检查网络和证书后再试; 内网镜像写在 jgo 的设置里; 或从别的机器拷来 "
            f"{folder} / try again once the network and its certificates are right, name a mirror "
            "in jgo's settings, or copy that folder from another machine"
        )
    return len(missing)


def _short(fault: str) -> str:
    """The cause at the end of a library's long chain of them."""
    return fault if len(fault) <= 200 else f"{fault[:60]} … {fault[-120:]}"


def _fetch_one(jar: Jar, folder: Path, fetch: Callable[[Jar, Path], Path]) -> str:
    """Empty when the jar is in place, else what is wrong with it."""
    aside = folder / ".part" / f"{os.getpid()}-{jar.artifact}"
    fault = ""
    for attempt in range(TRIES):
        time.sleep(attempt)
        try:
            shutil.rmtree(aside, ignore_errors=True)
            part = fetch(jar, aside)
            if not is_sound(jar, aside):
                fault = f"{jar.artifact} {jar.version}: not the bytes of the lock"
                continue
            target = jar.path(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
            return ""
        except Exception as error:  # noqa: BLE001 - whatever a download fails with, try again
            fault = f"{jar.artifact} {jar.version}: {error}"
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return fault


def class_path() -> str:
    """Java class path of all locked jars, after fetching what is missing. Raises JarsMissing."""
    folder, jars = jars_dir(), locked_jars()
    ensure_jars(folder, jars)
    return ":".join(str(jar.path(folder)) for jar in jars)


def main() -> int:
    """Fetch what is missing; exit status 1 with the reason where that fails."""
    try:
        ensure_jars(jars_dir(), locked_jars())
    except JarsMissing as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
