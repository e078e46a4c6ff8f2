"""Ways into the desk from the command line: a link that signs in once, the demo's passwords."""

import json
from typing import Annotated

import typer

from cli.commands import speaking
from cli.options import Data, PortBase, settings_of
from cli.tables import terminal
from cli.wiring import open_ledger_of, read_centre
from schemas.errors import Fault, InvalidInput
from schemas.settings import Settings
from stores.ledger import accounts, passwords, people
from stores.ledger.transaction import Ledger

out = terminal()

LASTS_S = 12 * 3600
DEMO = "demo.passwords"


def enter(
    account: Annotated[str, typer.Argument(help="谁登录 / who signs in")] = "admin",
    data: Data = None,
    port_base: PortBase = None,
) -> None:
    """登录链接 / A link that signs a person in once; for whoever has this machine.

    Also for an administrator who lost the password. It is worth nothing after 12 hours.
    """
    settings = settings_of(data, port_base)
    with speaking():
        ledger = open_ledger_of(settings)
        try:
            out.print(link(settings, ledger, account), markup=False, soft_wrap=True)
        finally:
            ledger.close()


def link(settings: Settings, ledger: Ledger, account: str) -> str:
    """Raises InvalidInput where nobody has that account."""
    with ledger.transaction() as tx:
        now = ledger.now_ms()
        if people.by_id(tx, account) is None:
            told = f"没有账号 {account} / no such account"
            raise InvalidInput(Fault("no_such_person", "account", told, "./run enter admin"))
        token = accounts.ticket(tx, account, at=now, lasts_s=LASTS_S)
        people.record(tx, account, "people.link_made", at=now)
    return f"{settings.api_url}/enter/{token}"


def demo_passwords(settings: Settings, ledger: Ledger) -> dict[str, str]:
    """Account → password of the newsroom's people, made for this data folder and kept in
    ``secrets/demo.passwords``; who has one already keeps it and is left out."""
    path = settings.secrets_dir / DEMO
    if path.exists():
        told: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return told
    made = {}
    for person in read_centre(settings).newsroom.people:
        with ledger.snapshot() as view:
            known = accounts.get(view, person.id)
        if known is None or known.password is None:
            made[person.id] = accounts.new_password()
    for account, word in made.items():
        hashed = passwords.hashed(word)
        with ledger.transaction() as tx:
            accounts.set_password(tx, account, hashed, must_change=False, at=ledger.now_ms())
    path.touch(mode=0o600)
    path.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return made
