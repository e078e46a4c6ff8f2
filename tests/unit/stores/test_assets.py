"""Media as they were uploaded: one object for each SHA-256, however often they come."""

from uuid import uuid4

import pytest
from hypothesis import given

from schemas.errors import InvalidInput
from schemas.story import Asset
from stores.ledger import assets
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger
from tests.fakes import asset
from tests.strategies import assets as any_asset


def put(ledger: Ledger, made: Asset, key: str, at: int) -> None:
    with ledger.transaction() as tx:
        assets.put(tx, made, object_key=key, facts={"problems": []}, by="reporter", at=at)


@given(any_asset("p1"))
def test_an_asset_is_kept_as_it_was_told(made: Asset) -> None:
    ledger = open_ledger("sqlite://")
    metadata.tables["assets"].create(ledger.engine)
    put(ledger, made, "originals/1", 1)
    with ledger.snapshot() as view:
        kept = assets.get(view, made.id, ref="p1")
    rounded = None if made.duration_s is None else round(made.duration_s * 1000) / 1000
    assert kept == made.model_copy(update={"duration_s": rounded})
    ledger.close()


def test_the_first_object_of_the_same_bytes_is_the_one_that_counts(ledger: Ledger) -> None:
    first = asset("p1", "image", b"same", "image/jpeg")
    second = first.model_copy(update={"id": uuid4(), "file_name": "again.jpg"})
    put(ledger, first, "originals/first", 1)
    put(ledger, second, "originals/first", 2)
    with ledger.snapshot() as view:
        row = assets.with_sha256(view, first.sha256)
        assert row is not None
        assert row.id == str(first.id)
        assert assets.object_key(view, first.sha256) == "originals/first"
        assert assets.object_key(view, "0" * 64) is None
        assert assets.get(view, second.id).file_name == "again.jpg"


def test_what_was_never_uploaded_is_named_by_its_reference(ledger: Ledger) -> None:
    with ledger.snapshot() as view:
        gone = uuid4()
        assert not assets.known(view, gone)
        with pytest.raises(InvalidInput) as refused:
            assets.get(view, gone, ref="p7")
    assert refused.value.faults[0].field == "media.p7.asset_id"
