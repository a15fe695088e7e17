"""A case's conversations on a terminal: time, person, what was said, edits and deletions marked, nothing removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tapeline.base.text import printable
from tapeline.base.times import time_text
from tapeline.directory.state import DirectoryState
from tapeline.review.messages import ReadMessage
from tapeline.review.opening import Opened
from tapeline.review.rendering import body_text, kind_of_content


def conversation_view(opened: Opened) -> RenderableType:
    """Return all conversations, each a table, and the completeness sentence with its findings."""
    parts: list[RenderableType] = []
    for conversation, messages in by_conversation(opened.messages):
        parts.append(_table(conversation, messages, opened.archive.directory))
    parts.append(Text(opened.completeness.sentence, style="bold"))
    parts.extend(Text(f"- {printable(one.sentence)}", style="bold yellow") for one in opened.completeness.excepted)
    parts.extend(Text(f"- {printable(finding)}") for finding in opened.completeness.findings)
    return Group(*parts)


def by_conversation(messages: Sequence[ReadMessage]) -> Iterator[tuple[bytes, list[ReadMessage]]]:
    """Yield conversations in the order of their first message, each with its messages in the order of the log."""
    groups: dict[bytes, list[ReadMessage]] = {}
    for message in messages:
        groups.setdefault(message.conversation, []).append(message)
    yield from groups.items()


def marks(messages: Sequence[ReadMessage]) -> dict[bytes, str]:
    """Return, by message hash, whether a later message of the same sender edits or deletes it."""
    found: dict[bytes, str] = {}
    senders = {message.message_hash: (message.firm, message.user) for message in messages}
    for message in messages:
        kind = kind_of_content(message)
        if message.content is not None and kind in {"edit", "delete"}:
            of = message.content.edit.of if kind == "edit" else message.content.delete.of
            if senders.get(of) == (message.firm, message.user):
                found[of] = "edited later" if kind == "edit" else "deleted later"
    return found


def _table(conversation: bytes, messages: Sequence[ReadMessage], directory: DirectoryState) -> Table:
    """Show a conversation under the members of its first message; where they change, a row says who from there on."""
    present = _present(directory, messages[0])
    table = Table(title=f"Conversation {conversation.hex()[:16]}: {present}", title_justify="left", expand=True)
    for heading, ratio in (("Time (UTC)", 2), ("Who", 2), ("What", 8)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    marked = marks(messages)
    for message in messages:
        if (now_present := _present(directory, message)) != present:
            present = now_present
            table.add_row("", "", Text(f"(members from here on: {present})", style="italic"))
        note = marked.get(message.message_hash, "")
        what = Text(body_text(message), style="strike" if note == "deleted later" else "")
        for remark in (note, *_remarks(message)):
            what.append(f" [{printable(remark)}]" if remark else "", style="italic")
        table.add_row(time_text(message.time_ms), Text(printable(f"{message.user} ({message.firm})")), what)
    return table


def _present(directory: DirectoryState, message: ReadMessage) -> str:
    """Name those who were members when the message was logged, whoever is one now."""
    statement = directory.membership(message.conversation, below=message.leaf_index)
    return ", ".join(printable(f"{member.user} ({member.firm})") for member in statement.members)


def _remarks(message: ReadMessage) -> Iterator[str]:
    """Yield what a reader must know of a message beside what it says."""
    yield from message.remarks
    if message.repeats:
        yield f"sent again, archive leaves {', '.join(map(str, message.repeats))}"
