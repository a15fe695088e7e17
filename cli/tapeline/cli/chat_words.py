"""What `tapeline chat` shows of messages and events; text of others can pass for no line of ours."""

from __future__ import annotations

import sys
from typing import Any

from rich.text import Text

from tapeline.base.text import printable
from tapeline.base.times import time_text
from tapeline.cli.common import stdout
from tapeline.cli.hanging import hanging
from tapeline.client import Message
from tapeline.client.content import (
    Body,
    Delete,
    DisclosureAck,
    Edit,
    Reaction,
    ReadReceipt,
    RecordingDisclosure,
    Reply,
)
from tapeline.client.events import Alarm, ComplaintUnheard, DeviceJoined, Event, ExpiresSoon, NotSent, SendDelayed

SHORT = 8


def fields_of(message: Message) -> dict[str, Any]:
    """Return what --json prints of a message."""
    return {
        "conversation": message.conversation,
        "from": f"{message.firm}/{message.sender}",
        "time_ms": message.relay_time_ms,
        "kind": type(message.body).__name__,
        "text": message.text or _disclosed(message.body),
        "labels": dict(message.labels),
        "message": message.message_hash,
        "index": message.leaf_index,
    }


def line_of(message: Message) -> Text:
    """Return a message for a person: time, conversation, sender, and what was said."""
    when = f"{time_text(message.relay_time_ms)} UTC  {message.conversation.hex()[:SHORT]}  "
    who = f"{printable(message.sender)}: "
    line = Text(hanging(when + who, _said(message), width=terminal_width()))
    line.stylize("dim", 0, len(when))
    line.stylize("bold", len(when), len(when) + len(who))
    return line


def recorded_line(firm: str, text: str) -> Text:
    """Return this client's own word that a line is recorded."""
    return Text(hanging(f"Recorded line ({printable(firm)}): ", text, width=terminal_width()), style="bold yellow")


def notice_of(event: Event) -> Text | None:
    """Return what to say of an event on standard error; None where there is nothing to say."""
    match event:
        case Alarm(rule, cause, remedy):
            return Text(printable(f"Alarm {rule}: {cause} {remedy}"), style="bold red")
        case ComplaintUnheard(rule):
            text = f"A complaint ({rule}) is not in the audit log yet: see `tapeline chat complaints`."
            return Text(printable(text), style="bold red")
        case NotSent(_, _, cause):
            return Text(printable(f"A message was not sent. {cause}"), style="bold red")
        case SendDelayed(conversation, cause):
            return Text(printable(f"Delayed in {conversation.hex()[:SHORT]}: {cause.cause} It is tried again."))
        case DeviceJoined(firm, user, name, by_enroller=False, is_own=False):
            return Text(printable(f"{firm}/{user} has a new device: {name}."))  # the others are alarms
        case ExpiresSoon(warning):
            return Text(printable(f"{warning.cause} {warning.thing.remedy}"), style="yellow")
        case _:
            return None


def not_for_this_device(conversation: bytes) -> Text:
    """Say once of a conversation that it holds sessions from before this device could read them."""
    return Text(f"In {conversation.hex()[:SHORT]} some messages are not for this device: it joined after them.")


def terminal_width() -> int | None:
    """Return how wide the terminal of results is; None where they go elsewhere, and nothing folds."""
    return stdout().width if sys.stdout.isatty() else None


def _disclosed(body: Body) -> str:
    return body.text if isinstance(body, RecordingDisclosure) else ""


def _said(message: Message) -> str:
    match message.body:
        case Reply(to, text):
            return f"(to {to.hex()[:SHORT]}) {text}"
        case Edit(of, text):
            return f"(instead of {of.hex()[:SHORT]}) {text}"
        case Delete(of):
            return f"(withdraws {of.hex()[:SHORT]})"
        case Reaction(of, emoji):
            return f"({emoji} on {of.hex()[:SHORT]})"
        case ReadReceipt(of):
            return f"(has read {len(of)})"
        case RecordingDisclosure(_, text, _):
            return f"[recorded line] {text}"
        case DisclosureAck():
            return "(has seen that the line is recorded)"
        case _:
            return message.text or f"({type(message.body).__name__})"
