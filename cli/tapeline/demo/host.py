"""A client process of the demo: many devices in one process, driven by JSON lines on standard input and output.

{"do": "enrol", …} in, {"enrolled": 12} out. Whatever it answers goes through the pipe to the demo alone, which is how
it may also say which secrets are alive in it at a moment. Nothing of that kind is ever logged.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from tapeline.base.seam import system_rng
from tapeline.cli.failure import failure_of
from tapeline.client.client import Client
from tapeline.client.content import Body, Notice, Text
from tapeline.client.options import ClientOptions
from tapeline.client.session.opener import SessionOpener
from tapeline.client.store.keys import StoreKey
from tapeline.client.transport.channels import Transport
from tapeline.demo.frauds import Fraudster
from tapeline.demo.livingsecrets import RootNotes, living_secrets

AT_ONCE = 12
LINE_LIMIT = 64 * 1024 * 1024
Command = Mapping[str, Any]


class Host:
    """All clients of this process; they share transport, verdicts, directory and the derived store key."""

    def __init__(self) -> None:
        self.transport = Transport()
        self.notes = RootNotes()
        self.clients: dict[str, Client] = {}
        self.held: list[str] = []
        self.given: dict[str, Counter[bytes]] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._fraud_texts: list[bytes] = []
        self.commands: dict[str, Callable[[Command], Awaitable[dict[str, Any]]]] = {
            "enrol": self.enrol,
            "converse": self.converse,
            "say": self.say,
            "settle": self.settle,
            "own": self.own,
            "received": self.received,
            "secrets": self.secrets,
            "frauds": self.frauds,
        }

    async def enrol(self, command: Command) -> dict[str, Any]:
        """Enrol every user with a device of its own, several at once."""
        options = ClientOptions(transport=self.transport, acknowledge_disclosures=bool(command["acknowledge"]))
        key = await asyncio.to_thread(StoreKey.new, str(command["passphrase"]), system_rng)

        async def one(number: int, user: str, code: str) -> None:
            async with self._at_once:
                client = await Client.enrol(
                    code,
                    relay=command["relay"],
                    enroller=command["enroller"],
                    store=Path(command["folder"]) / f"device-{number:03d}",
                    passphrase=key,
                    options=options,
                )
            self.clients[user] = client
            self.given[user] = Counter()
            self._readers.append(asyncio.create_task(self._read(user, client)))

        await asyncio.gather(*(one(number, *pair) for number, pair in enumerate(command["users"].items())))
        return {"enrolled": len(self.clients)}

    async def _read(self, user: str, client: Client) -> None:
        """Be the application: take each message once."""
        async for batch in client.batches():
            self.given[user].update(message.message_hash for message in batch)

    async def converse(self, command: Command) -> dict[str, Any]:
        """Begin conversations; each discloses by itself that it is recorded."""

        async def one(user: str, people: list[str]) -> str:
            async with self._at_once:
                return (await self.clients[user].create_conversation(people)).id.hex()

        return {"conversations": await asyncio.gather(*(one(*each) for each in command["list"]))}

    async def say(self, command: Command) -> dict[str, Any]:
        """Send posts, in order for each sender; answer when the relay has acknowledged all."""
        sends = [
            self.clients[post["user"]].send(bytes.fromhex(post["conversation"]), _body(post), _labels(post))
            for post in command["posts"]
        ]
        receipts = await asyncio.gather(*sends)
        # The application keeps the newest text that each command sent: the search must find it here.
        self.held = [post["text"] for post in command["posts"] if len(post["text"].encode()) >= 16][-1:] or self.held
        return {
            "receipts": [
                {"hash": one.message_hash.hex(), "time": one.relay_time_ms, "sequence": one.sequence}
                for one in receipts
            ]
        }

    async def settle(self, command: Command) -> dict[str, Any]:
        """Wait until every client has processed its conversations up to the given sequence numbers."""
        wanted = {bytes.fromhex(name): sequence for name, sequence in command["sequences"].items()}
        deadline = asyncio.get_running_loop().time() + float(command["within"])
        while behind := self._behind(wanted):
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.05)
        return {"behind": behind}

    def _behind(self, wanted: Mapping[bytes, int]) -> int:
        count = 0
        for client in self.clients.values():
            for conversation in client.conversations():
                seen = client._engine.sender._places.sequence(conversation.id)
                count += seen is None or seen < wanted.get(conversation.id, 0)
        return count

    async def own(self, _: Command) -> dict[str, Any]:
        """Return everything that this process's devices sent and the relay acknowledged."""
        rows: list[dict[str, Any]] = []
        for user, client in self.clients.items():
            mine = await client._device.database.run(partial(_sent_by, entry=client._device.entry.entry_hash))
            rows += [
                {
                    "user": user,
                    "hash": row[0].hex(),
                    "conversation": row[1].hex(),
                    "record": row[2].hex(),
                    "time": row[3],
                    "content": row[4].hex(),
                    "sequence": row[5],
                }
                for row in mine
            ]
        return {"messages": rows}

    async def received(self, _: Command) -> dict[str, Any]:
        """Return how many messages each application was given, how often one twice, and all alarms."""
        alarms = [alarm.rule for client in self.clients.values() for alarm in await client.alarms()]
        twice = sum(count > 1 for counter in self.given.values() for count in counter.values())
        return {"given": {user: len(counter) for user, counter in self.given.items()}, "twice": twice, "alarms": alarms}

    async def secrets(self, _: Command) -> dict[str, Any]:
        """Return the secrets of this process: those alive now, and those that were."""
        return await living_secrets(self.clients, self.notes, self.held)

    async def frauds(self, command: Command) -> dict[str, Any]:
        """Let one user's device try its frauds, with software of its own."""
        client = self.clients[command["user"]]
        fraudster = Fraudster(
            device=client._device,
            stock=client._engine.stock,
            opener=SessionOpener(client._device, client._engine.stock),
            conversation=bytes.fromhex(command["conversation"]),
            ghost=(client.firm, command["ghost"]),
            secrets=self.notes.others,
            texts=self._fraud_texts,
        )
        verdicts = await fraudster.run()
        return {
            "verdicts": [
                {"fraud": one.fraud, "rule": one.rule, "holds": one.holds, "twin": one.twin_accepted}
                for one in verdicts
            ],
            "texts": [text.hex() for text in self._fraud_texts],
        }

    async def close(self) -> None:
        """Close every client; what is unsent stays in its outbox."""
        await asyncio.gather(*(client.close() for client in self.clients.values()), return_exceptions=True)
        for reader in self._readers:
            reader.cancel()
        await self.transport.close()


def _body(post: Mapping[str, Any]) -> Body:
    if post["kind"] in {"message", "action"}:
        return Text(post["text"], action=post["kind"] == "action")
    return Notice(post["kind"], post["subject"], post["text"])


def _sent_by(database: Connection, entry: bytes) -> list[tuple[bytes, bytes, bytes, int, bytes, int]]:
    columns = "message_hash, conversation, record_hash, relay_time_ms, content, sequence"
    return database.execute(f"SELECT {columns} FROM messages WHERE device = ?", (entry,)).fetchall()  # noqa: S608


def _labels(post: Mapping[str, Any]) -> dict[str, str]:
    return {"line": str(post["line"])}


async def _answer(host: Host, line: bytes) -> dict[str, Any]:
    try:
        command = json.loads(line)
        return await host.commands[command["do"]](command)
    except Exception as error:
        failure = failure_of(error)
        if failure is None or os.environ.get("TAPELINE_DEBUG"):
            raise
        return {"error": failure.as_dict()}


async def serve() -> None:
    """Answer commands until standard input ends or SIGTERM."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    main = asyncio.current_task()
    assert main is not None
    loop.add_signal_handler(signal.SIGTERM, main.cancel)
    host = Host()
    _write({"pid": os.getpid()})
    try:
        while line := await reader.readline():
            _write(await _answer(host, line))
    except asyncio.CancelledError:
        pass
    finally:
        await host.close()


def _write(answer: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
