"""`tapeline chat`: an employee's client, thin over the SDK; text of others is made printable before it is shown."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from tapeline.base.errors import Unavailable
from tapeline.base.text import printable
from tapeline.base.times import time_text
from tapeline.cli.chat_client import find, opened, read_code, read_text, refreshed
from tapeline.cli.chat_words import fields_of, line_of, recorded_line
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
from tapeline.cli.waiting import speaking
from tapeline.client import Client, Message
from tapeline.client.send.outgoing import Receipt
from tapeline.client.store.rekey import change_passphrase

app = typer.Typer(help="Chat as an employee: enrol a device, send, read.", no_args_is_help=True)

LOGGED_SECONDS = 120.0
StoreOption = Annotated[Path, typer.Option("--store", help="Folder of this device's encrypted store.")]
ConversationArgument = Annotated[str, typer.Argument(help="Id of the conversation, or the beginning of it.")]


@app.command()
@command_errors
async def enrol(
    store: StoreOption,
    relay: Annotated[str, typer.Option("--relay", help="The relay's address, host:port.")],
    enroller: Annotated[str, typer.Option("--enroller", help="The enroller's address, host:port.")],
    code: Annotated[
        str,
        typer.Option("--code", help="The enrolment code, which others on this machine then see; - asks for it."),
    ] = "-",
    code_file: Annotated[
        Path | None, typer.Option("--code-file", help="Read the enrolment code from this file's first line.")
    ] = None,
    device_name: Annotated[str, typer.Option("--device-name", help="Shown to others.")] = "device",
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol this device with a code from the enroller, asked for or read from standard input."""
    text = await asyncio.to_thread(read_code, code, code_file)
    secret = new_passphrase(passphrase_fd, passphrase_file, about=[device_name])
    with speaking(f"the relay at {relay} and the enroller at {enroller}"):
        enrolled = await Client.enrol(
            text,
            relay=relay,
            enroller=enroller,
            store=store,
            passphrase=secret.reveal().decode(),
            device_name=device_name,
        )
    async with enrolled as client:
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
    async with opened(store, passphrase_fd, passphrase_file) as client:
        with speaking(f"the relay at {client.relay}"):
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
    async with opened(store, passphrase_fd, passphrase_file) as client:
        with speaking(f"the relay at {client.relay}"):
            await refreshed(client)
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
    store: StoreOption,
    text: Annotated[
        str | None,
        typer.Argument(help="What to say, which others on this machine then see; left out, standard input says it."),
    ] = None,
    logged: Annotated[bool, typer.Option("--logged", help="Wait for the proof under a cosigned checkpoint.")] = False,
    logged_seconds: Annotated[
        float, typer.Option("--logged-seconds", min=1, help="With --logged: how long to wait for the proof.")
    ] = LOGGED_SECONDS,
    passphrase_fd: PassphraseFd = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Send a message; it is on the relay's disk when this returns.

    Stopped before, the message stays in the store and is sent when the store is opened again.
    """
    said = await asyncio.to_thread(read_text, text)
    async with opened(store, passphrase_fd, passphrase_file) as client:
        with speaking(f"the relay at {client.relay} to take the message"):
            receipt = await (await find(client, conversation)).send(said)
        if logged:
            await _prove(receipt, logged_seconds)
        result = {"index": receipt.index, "sequence": receipt.sequence, "message": receipt.message_hash}
        print_result(result, as_json=as_json, human=f"Recorded as leaf {receipt.index} of the log.")


async def _prove(receipt: Receipt, seconds: float) -> None:
    try:
        with speaking("a checkpoint that enough witnesses cosigned"):
            async with asyncio.timeout(seconds):
                await receipt.logged()
    except TimeoutError:
        raise Unavailable(
            f"The message is stored as leaf {receipt.index}, but no cosigned checkpoint has proven it in"
            f" {seconds:g} seconds.",
            "Do not send it again; the proof is asked for whenever the store is open, and an alarm tells if it fails.",
            retryable=False,
        ) from None


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
    """Show new messages, each once; that a line is recorded stands first. Alarms go to standard error."""
    async with opened(store, passphrase_fd, passphrase_file) as client:
        messages = client.messages()
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(None if follow else seconds):
                    message = await anext(messages)
                await _show(client, message, as_json=as_json)


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


async def _show(client: Client, message: Message, *, as_json: bool) -> None:
    own = await client.own_disclosure(message)
    if own is not None:
        stderr().print(recorded_line(own.firm, own.text), soft_wrap=True)
    print_result(fields_of(message), as_json=as_json, human=line_of(message))


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
    async with opened(store, passphrase_fd, passphrase_file) as client:
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


def _person(name: str) -> str | tuple[str, str]:
    firm, slash, user = name.partition("/")
    return (firm, user) if slash else name
