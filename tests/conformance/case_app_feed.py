"""The app feed's world: its folder behind the product's own site server on a loopback port."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumers.channels import app_feed
from deploy.site import make_site
from tests.conformance.contract import World
from tests.conformance.served_tree import served_world


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    root = folder / "app"

    def entry(url: str) -> app_feed.Spec:
        return app_feed.Spec.model_validate(
            {
                "id": "app_feed",
                "module": "app_feed",
                "name": "客户端",
                "family": "app",
                "wave": 1,
                "settle_s": 0,
                "root": root,
                "public_url": f"{url}/feed",
                "title": "云上青禾",
                "article_url": f"{url}/a/{{number}}.html",
                "boards": [{"name": "首页", "slug": "home"}, {"name": "政务", "slug": "gov"}],
                "columns": [{"name": "热点", "slug": "hot"}],
            }
        )

    yield from served_world(
        folder,
        app_feed,
        make_site(folder / "site", root),
        entry,
        lambda number: f"story-{number}.json",
    )
