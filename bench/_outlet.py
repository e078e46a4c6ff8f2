"""A fake outlet that answers each POST after five milliseconds, and the channel that speaks to it."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
from pydantic import BaseModel

from schemas.channel import Absent, Capabilities, ChannelSpec, Live
from schemas.errors import UnknownOutcome
from schemas.receipt import Receipt

ANSWER_S = 0.005
ANSWER = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"


def serve(port: int, ready: Callable[[], None]) -> None:
    """Answer on loopback until the process ends; keep-alive, one request after the other."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = head.decode("latin-1").lower().split("\r\n")
                size = next(int(f[15:]) for f in fields if f.startswith("content-length:"))
                await reader.readexactly(size)
                await asyncio.sleep(ANSWER_S)
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", port)
        ready()
        await server.serve_forever()

    asyncio.run(main())


class Payload(BaseModel):
    text: str


class Account:
    def __init__(self, address: str) -> None:
        self.address = address
        self.client = httpx.Client(trust_env=False, verify=False)

    def close(self) -> None:
        self.client.close()


def module(address: str) -> Any:
    """The channel module; what it is not asked for in the bench, it does not have."""

    def submit(account: Account, payload: Payload, attempt: Any) -> Live:
        data = payload.text.encode()
        try:
            answer = account.client.post(
                account.address, content=data, timeout=attempt.remaining_s()
            )
        except httpx.HTTPError as error:
            raise UnknownOutcome(str(error)) from error
        if answer.status_code != 201:
            raise UnknownOutcome(str(answer.status_code))
        return Live(
            Receipt(
                item_id=attempt.marker,
                at=datetime.now(UTC),
                payload_sha256=attempt.payload_sha256,
                text_sha256=hashlib.sha256(data).hexdigest(),
            )
        )

    return SimpleNamespace(
        capabilities=Capabilities(
            update=True, recall="yes", absent_is_sure=True, asynchronous=False
        ),
        Spec=ChannelSpec,
        Payload=Payload,
        connect=lambda _spec, _outside: Account(address),
        submit=submit,
        find=lambda _account, _payload, _attempt: Absent(),
    )
