"""The web site's world: its folder behind the product's own site server on a loopback port."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumers.channels import web
from deploy.site import make_site
from tests.conformance.contract import World
from tests.conformance.served_tree import served_world


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    root = folder / "site"

    def entry(url: str) -> web.Spec:
        return web.Spec.model_validate(
            {
                "id": "web",
                "module": "web",
                "name": "网站",
                "family": "web",
                "wave": 1,
                "settle_s": 0,
                "root": root,
                "public_url": url,
                "site_name": "青禾融媒",
                "sections": [{"name": "首页", "slug": "index"}, {"name": "政务", "slug": "gov"}],
                "columns": [{"name": "热点", "slug": "hot"}],
            }
        )

    yield from served_world(
        folder, web, make_site(root, None), entry, lambda number: f"a/{number}.html"
    )
