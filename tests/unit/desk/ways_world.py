"""The pages of those who write over the real channels, a ledger in a file and S3 in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from cli.wiring import Centre, desk_of, read_centre
from cli.writing import writing_of
from desk.app import install_board
from desk.ways_pages import WaysPages
from producers.api import make_api
from producers.filing import Desk
from schemas.settings import Settings
from stores.ledger import people, sessions
from stores.ledger.tables import metadata
from stores.ledger.transaction import open_ledger
from stores.objects import Objects
from tests.loopback import served
from tests.unit.producers.newsroom import BusyS3, Look


@dataclass
class World:
    address: str
    centre: Centre
    desk: Desk
    s3: BusyS3

    def cookie(self, person: str) -> dict[str, str]:
        ledger = self.desk.ledger
        with ledger.transaction() as tx:
            token = sessions.begin(
                tx, person, at=ledger.now_ms(), longest_s=36000, address="127.0.0.1"
            )
        return {sessions.COOKIE: token}


def _look(path: Path, _field: str, _name: str) -> Look:
    if path.read_bytes()[4:8] == b"ftyp":
        return Look("video", "video/mp4", 1280, 720, 12.0)
    with Image.open(path) as picture:
        kind = f"image/{(picture.format or '').lower()}"
        return Look("image", kind, picture.width, picture.height)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    centre = read_centre(Settings(data=folder, process="test", keep_free_bytes=0))
    ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
    metadata.create_all(ledger.engine)
    with ledger.transaction() as tx:
        for person in centre.newsroom.people:
            people.put(tx, person, f"key-of-{person.id}")
    s3 = BusyS3()
    desk = desk_of(centre, ledger, Objects(s3, "shoufa"), _look)  # type: ignore[arg-type]
    app: Any = make_api(desk, lag=dict)
    door = install_board(app, ledger, list(centre.specs.values()), centre.newsroom)
    WaysPages(door, centre.specs, desk.store, writing_of(centre, desk)).install()
    with served(app) as address:
        yield World(address, centre, desk, s3)
        app.state.board.close()
    app.state.uploads.close()
    app.state.pool.shutdown()
    ledger.close()
