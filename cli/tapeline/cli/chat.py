"""`tapeline chat`: an employee's client, thin over the SDK; text of others is made printable before it is shown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tapeline.base.errors import MalformedInput
from tapeline.base.text import printable
from tapeline.base.times import time_text
from tapeline.cli.common import (
    JsonOption,
    PassphraseFd,
    PassphraseFile,
    command_errors,
    print_result,
    read_passphrase,
    stderr,
)
from tapeline.cli.passphrase import NewPassphraseFd, NewPassphraseFile, new_passphrase
from tapeline.client import Client, Conversation, Message
from tapeline.client.content import Delete, DisclosureAck, Edit, Reaction, ReadReceipt, RecordingDisclosure, Reply
from tapeline.client.events import Alarm, ComplaintUnheard, Disclosure, Withheld
from tapeline.client.store.rekey import change_passphrase

app = typer.Typer(help="Chat as an employee: enrol a device, send, read.", no_args_is_help=True)

StoreOption = Annotated[Path, typer.Option("--store", help="Folder of this device's encrypted store.")]
ConversationArgument = Annotated[str, typer.Argument(help="Id of the conversation, or the beginning of it.")]


@app.command()
@command_errors
async def enrol(
    store: StoreOption,
    relay: Annotated[str, typer.Option("--relay", help="The relay's address, host:port.")],
    enroller: Annotated[str, typer.Option("--enroller", help="The enroller's address, host:port.")],
    code: Annotated[str, typer.Option("--code", help="The enrolment code; - reads it from standard input.")] = "-",
    device_name: Annotated[str, typer.Option("--device-name", help="Shown to others.")] = "device",
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol this device with a code from the enroller."""
    text = await asyncio.to_thread(sys.stdin.readline, 4096) if code == "-" else code
    secret = new_passphrase(passphrase_fd, passphrase_file, about=[device_name])
    async with await Client.enrol(
        text,
        relay=relay,
        enroller=enroller,
        store=store,
        passphrase=secret.reveal().decode(),
        device_name=device_name,
    ) as client:
        human = f"Enrolled as {client.user} of {client.firm}; the store is {store}."
        print_result({"user": client.user, "firm": client.firm}, as_json=as_json, human=human)


@app.command()
@command_errors
async def start(
    people: Annotated[list[str], typer.Argument(help="Users of the own firm, or firm/user.")],
    store: StoreOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a conversation; its first message says that it is recorded."""
    async with _opened(store, passphrase_fd, passphrase_file) as client:
        conversation = await client.create_conversation([_person(name) for name in people])
        identifier = conversation.id.hex()
        print_result({"conversation": identifier}, as_json=as_json, human=f"Conversation {identifier[:16]} is open.")


@app.command(name="list")
@command_errors
async def list_conversations(
    store: StoreOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """List the conversations that you are a member of."""
    async with _opened(store, passphrase_fd, passphrase_file) as client:
        rows = {
            one.id.hex(): [f"{member.firm}/{member.user}" for member in one.members] for one in client.conversations()
        }
        table = Table("conversation", "members")
        for identifier, members in rows.items():
            table.add_row(identifier[:16], Text(printable(", ".join(members))))
        print_result({"conversations": rows}, as_json=as_json, human=table)


@app.command()
@command_errors
async def send(
    conversation: ConversationArgument,
    text: Annotated[str, typer.Argument(help="What to say.")],
    store: StoreOption,
    logged: Annotated[bool, typer.Option("--logged", help="Wait for the proof under a cosigned checkpoint.")] = False,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Send a message; it is on the relay's disk when this returns."""
    async with _opened(store, passphrase_fd, passphrase_file) as client:
        receipt = await _find(client, conversation).send(text)
        if logged:
            await receipt.logged()
        result = {"index": receipt.index, "sequence": receipt.sequence, "message": receipt.message_hash}
        print_result(result, as_json=as_json, human=f"Recorded as leaf {receipt.index} of the log.")


@app.command()
@command_errors
async def read(
    store: StoreOption,
    follow: Annotated[bool, typer.Option("--follow", help="Stay, and show what comes.")] = False,
    seconds: Annotated[float, typer.Option("--seconds", help="Without --follow: how long to wait for more.")] = 2.0,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Show new messages, each once; disclosures and alarms go to standard error."""
    async with _opened(store, passphrase_fd, passphrase_file) as client:
        watching = asyncio.create_task(_warn(client))
        messages = client.messages()
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(None if follow else seconds):
                    message = await anext(messages)
                print_result(_fields(message), as_json=as_json, human=_line(message))
        watching.cancel()


@app.command("complaints")
@command_errors
async def list_complaints(
    store: StoreOption,
    out: Annotated[Path | None, typer.Option("--out", help="New folder for those that are not logged.")] = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """List what this device complained of, and whether the audit log holds it.

    What is not logged after ten minutes, give to an auditor: `tapeline chat complaints --store alice --out complaints`
    writes each to a file, and the auditor hands it in with `tapeline audit complain`.
    """
    async with _opened(store, passphrase_fd, passphrase_file) as client:
        found = await client.complaints()
    if out is not None:
        out.mkdir(mode=0o700)
        for number, one in enumerate(found, 1):
            if not one.is_logged:
                (out / f"{number:04d}-{one.rule.lower()}.complaint").write_bytes(one.text)
    table = Table("time (UTC)", "rule", "what failed", "in the audit log")
    for one in found:
        table.add_row(time_text(one.at_ms), one.rule, printable(one.cause), "yes" if one.is_logged else "not yet")
    fields = [{"rule": one.rule, "cause": one.cause, "at_ms": one.at_ms, "logged": one.is_logged} for one in found]
    print_result({"complaints": fields}, as_json=as_json, human=table if found else "No complaints.")


async def _warn(client: Client) -> None:
    async for event in client.events():
        if isinstance(event, Disclosure):
            stderr().print(Text(f"Recorded line: {printable(event.text)}", style="bold yellow"))
        elif isinstance(event, Alarm):
            stderr().print(Text(printable(f"Alarm {event.rule}: {event.cause} {event.remedy}"), style="bold red"))
        elif isinstance(event, Withheld):
            stderr().print(Text("A session was not sealed to this device: its messages cannot be read here."))
        elif isinstance(event, ComplaintUnheard):
            text = f"A complaint ({event.rule}) is not in the audit log yet: see `tapeline chat complaints`."
            stderr().print(Text(printable(text), style="bold red"))


@app.command("passphrase")
@command_errors
def passphrase(
    store: StoreOption,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    new_passphrase_fd: NewPassphraseFd = None,
    new_passphrase_file: NewPassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Change the passphrase of this device's store; the old one opens it until the new one is proven to.

    Example: tapeline chat passphrase --store alice-store
    """
    old = read_passphrase(passphrase_fd, passphrase_file, prompt="Present passphrase")
    new = new_passphrase(new_passphrase_fd, new_passphrase_file)
    change_passphrase(store, old.reveal().decode(), new.reveal().decode())
    human = "Done. Copies of the store that were made before open under the old passphrase still."
    print_result({"store": str(store)}, as_json=as_json, human=human)


@asynccontextmanager
async def _opened(store: Path, fd: int | None, file: Path | None) -> AsyncIterator[Client]:
    secret = read_passphrase(fd, file)
    async with await Client.open(store, secret.reveal().decode()) as client:
        yield client


def _person(name: str) -> str | tuple[str, str]:
    firm, slash, user = name.partition("/")
    return (firm, user) if slash else name


def _find(client: Client, prefix: str) -> Conversation:
    found = [one for one in client.conversations() if one.id.hex().startswith(prefix.lower())]
    if len(found) != 1 or not prefix:
        raise MalformedInput("No conversation, or more than one, begins like that.", "See: tapeline chat list.")
    return found[0]


def _fields(message: Message) -> dict[str, Any]:
    return {
        "conversation": message.conversation,
        "from": f"{message.firm}/{message.sender}",
        "time_ms": message.relay_time_ms,
        "kind": type(message.body).__name__,
        "text": message.text,
        "labels": dict(message.labels),
        "message": message.message_hash,
        "index": message.leaf_index,
    }


def _line(message: Message) -> Text:
    line = Text(f"{time_text(message.relay_time_ms)}  {message.conversation.hex()[:8]}  ", style="dim")
    line.append(f"{printable(message.sender)}: ", style="bold")
    return line.append(printable(_said(message), newlines=True))


def _said(message: Message) -> str:
    match message.body:
        case Reply(to, text):
            return f"(to {to.hex()[:8]}) {text}"
        case Edit(of, text):
            return f"(instead of {of.hex()[:8]}) {text}"
        case Delete(of):
            return f"(withdraws {of.hex()[:8]})"
        case Reaction(of, emoji):
            return f"({emoji} on {of.hex()[:8]})"
        case ReadReceipt(of):
            return f"(has read {len(of)})"
        case RecordingDisclosure(_, text, _):
            return f"[recorded line] {text}"
        case DisclosureAck():
            return "(has seen that the line is recorded)"
        case _:
            return message.text or f"({type(message.body).__name__})"
