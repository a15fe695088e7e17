"""What the commands of `tapeline chat` share: an open client that speaks of what happens, and texts from outside."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tapeline.base.errors import MalformedInput, NotFound, StateError
from tapeline.cli.chat_words import not_for_this_device, notice_of
from tapeline.cli.common import read_passphrase, stderr
from tapeline.client import Client, Conversation
from tapeline.client.errors import RelayUnreachable
from tapeline.client.events import Withheld
from tapeline.crypto.limits import MESSAGE_BODY

MAX_CODE = 4096


@asynccontextmanager
async def opened(store: Path, fd: int | None, file: Path | None) -> AsyncIterator[Client]:
    """Open the store's client for the length of a command; what happens meanwhile is told on standard error."""
    secret = read_passphrase(fd, file)
    async with await Client.open(store, secret.reveal().decode()) as client:
        speaking = asyncio.create_task(_tell(client))
        try:
            yield client
        finally:
            await asyncio.sleep(0)  # what was told last is shown, too
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await speaking


async def _tell(client: Client) -> None:
    withheld: set[bytes] = set()
    async for event in client.events():
        if isinstance(event, Withheld) and event.conversation not in withheld:
            withheld.add(event.conversation)
            stderr().print(not_for_this_device(event.conversation), soft_wrap=True)
        notice = notice_of(event)
        if notice is not None:
            stderr().print(notice, soft_wrap=True)


async def refreshed(client: Client) -> None:
    """Fetch what the directory has new; where the relay is away, what is known has to do."""
    with suppress(RelayUnreachable):
        await client.refresh()


async def find(client: Client, prefix: str) -> Conversation:
    """Return the one conversation whose id begins so; one that is not known yet is asked for.

    Raises:
        NotFound: none does.
        MalformedInput: several do, or it is no beginning of an id.
    """
    if not prefix:
        raise MalformedInput("A conversation's id is empty.", "See: tapeline chat list.")
    found = _beginning(client, prefix)
    if not found:
        await refreshed(client)
        found = _beginning(client, prefix)
    if not found:
        raise NotFound("No conversation of yours begins like that.", "See: tapeline chat list.")
    if len(found) > 1:
        raise MalformedInput("More than one conversation begins like that.", "Give more of the id.")
    return found[0]


def _beginning(client: Client, prefix: str) -> list[Conversation]:
    return [one for one in client.conversations() if one.id.hex().startswith(prefix.lower())]


def read_code(code: str, file: Path | None) -> str:
    """Return the enrolment code: given, from a file, or as a line of standard input, asked for at a terminal."""
    if file is not None:
        if code != "-":
            raise MalformedInput("Both --code and --code-file are given.", "Give one of them.")
        with file.open() as handle:
            return handle.readline(MAX_CODE).strip()
    if code != "-":
        return code
    if sys.stdin.isatty():
        stderr().print("Enrolment code: ", end="")
    line = sys.stdin.readline(MAX_CODE).strip()
    if not line:
        raise StateError("No enrolment code was given.", "Type it, or give --code-file FILE.")
    return line


def read_text(text: str | None) -> str:
    """Return the message: given, or all of standard input without its last line break.

    Raises:
        MalformedInput: empty, too long, or not UTF-8.
    """
    if text not in {None, "-"}:
        return str(text)
    if sys.stdin.isatty():
        stderr().print("Message, then Ctrl-D:")
    collected = b""
    while len(collected) <= MESSAGE_BODY and (chunk := os.read(sys.stdin.fileno(), MESSAGE_BODY)):
        collected += chunk
    if not collected.strip() or len(collected) > MESSAGE_BODY:
        raise MalformedInput("The message is empty, or over 64 KiB.", "Give another text.")
    try:
        return collected.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise MalformedInput("The message is not UTF-8.", "Give another text.") from None
