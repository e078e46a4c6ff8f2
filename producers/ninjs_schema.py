"""Where an item departs from the IPTC ninjs standard that it claims. The schemas lie beside this
file; nothing is looked up elsewhere.
"""

import json
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

FOLDER = Path(__file__).with_name("ninjs_schemas")
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.0", "2.1", "2.2", "3.0", "3.1")
MOST = 5
_GEOJSON = "https://geojson.org/schema/GeoJSON.json"


def version_of(item: dict[str, Any]) -> str:
    """The version that an item names, else the newest whose way of naming it follows."""
    named = item.get("standard", item.get("$standard"))
    version = named.get("version") if isinstance(named, dict) else None
    if version in VERSIONS:
        return str(version)
    if any(key != key.lower() for key in item):
        return "3.1"
    if any(
        isinstance(item.get(key), list) for key in ("headlines", "bodies", "renditions", "subjects")
    ):
        return "2.2"
    return "1.6"


def violations(item: dict[str, Any], version: str) -> list[str]:
    """The first departures as ``path: why``, shortened; none: the item is valid."""
    found = []
    for error in islice(_validator(version).iter_errors(item), MOST):
        path = ".".join(str(part) for part in error.absolute_path)
        found.append(f"{path or 'item'}: {error.message}"[:160])
    return found


@cache
def _validator(version: str) -> Validator:
    schema = json.loads((FOLDER / f"{version}.json").read_text(encoding="utf-8"))
    geo = Resource.from_contents(json.loads((FOLDER / "GeoJSON.json").read_text()), DRAFT7)
    registry: Registry[Any] = Registry().with_resource(_GEOJSON, geo)
    made: Validator = validator_for(schema)(schema, registry=registry)
    return made
