"""Receipts (回执): evidence of what is live where."""

from pydantic import AwareDatetime, Field, JsonValue

from schemas.body import Model
from schemas.text import Line, Sha256

NOT_HASHED = "0" * 64
"""``text_sha256`` of a receipt that a person typed in."""


class Substitution(Model):
    """What a placeholder of the copy became at sending."""

    placeholder: str
    sha256: Sha256
    """Of the rendition's entry file."""
    address: str
    """Where the outlet shows it: a URL, a platform's media id or a file name."""


class Receipt(Model):
    """One real item at an outlet."""

    item_id: str = Field(min_length=1, max_length=300)
    """The outlet's own id."""
    url: str = ""
    """Public address; empty where an outlet has none (a folder)."""
    at: AwareDatetime
    payload_sha256: Sha256
    """Hash of the approved copy."""
    text_sha256: Sha256
    """Hash of the text as it was sent, placeholders filled."""
    media: tuple[Substitution, ...] = ()
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """What the channel needs to update or recall the item; holds no secret."""
    by: Line = ""
    """Id of the person who typed it in; empty: the outlet itself answered. Nobody hashed the text
    of a typed one (``text_sha256`` is :data:`NOT_HASHED`), and its item is looked up by nothing
    but what that person wrote."""
    by_name: Line = ""
