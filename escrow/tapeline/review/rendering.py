"""What a message says, in words: one line for each kind of content, every text of others made printable."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tapeline.base.text import plural, printable
from tapeline.review.messages import ReadMessage
from tapeline.wire.v1.content_pb2 import Content

SHORT = 16


def body_text(message: ReadMessage) -> str:
    """Return the message's content as text for a terminal; names of other messages are short hashes."""
    if message.content is None:
        return f"({len(message.raw)} bytes that do not decode) {_shown(message.raw.decode(errors='replace'))}".rstrip()
    render = _RENDER.get(kind_of_content(message))
    return "(content of a kind that this version does not know)" if render is None else render(message.content)


def kind_of_content(message: ReadMessage) -> str:
    """Return the kind's name, such as "text"; empty where this version knows none, or it does not decode."""
    return "" if message.content is None else message.content.WhichOneof("body") or ""


def _shown(text: str) -> str:
    return printable(text, limit=1 << 20, newlines=True)


def _name(message_hash: bytes) -> str:
    return message_hash.hex()[:SHORT]


def _text(content: Content) -> str:
    return f"* {_shown(content.text.text)}" if content.text.action else _shown(content.text.text)


def _reply(content: Content) -> str:
    return f"(to {_name(content.reply.to)}) {_shown(content.reply.text)}"


def _edit(content: Content) -> str:
    return f"(edits {_name(content.edit.of)}) {_shown(content.edit.text)}"


def _delete(content: Content) -> str:
    return f"(deletes {_name(content.delete.of)})"


def _reaction(content: Content) -> str:
    return f"(reacts to {_name(content.reaction.of)}) {_shown(content.reaction.emoji)}"


def _attachment(content: Content) -> str:
    attached = content.attachment
    return f"(attachment) {_shown(attached.name)}, {_shown(attached.media_type)}, {attached.size} bytes"


def _read_receipt(content: Content) -> str:
    return f"(has read {plural(len(content.read_receipt.of), 'message')})"


def _disclosure(content: Content) -> str:
    return f"(recording disclosure of {_shown(content.disclosure.firm)}) {_shown(content.disclosure.text)}"


def _disclosure_ack(content: Content) -> str:
    return f"(acknowledges {_name(content.disclosure_ack.of)})"


def _notice(content: Content) -> str:
    notice = content.notice
    return f"({_shown(notice.kind)}) {_shown(notice.subject)} {_shown(notice.text)}".rstrip()


def _history_grant(content: Content) -> str:
    return f"(grants the history of session {_name(content.history_grant.record_hash)})"


_RENDER: Mapping[str, Callable[[Content], str]] = {
    "text": _text,
    "reply": _reply,
    "edit": _edit,
    "delete": _delete,
    "reaction": _reaction,
    "attachment": _attachment,
    "read_receipt": _read_receipt,
    "disclosure": _disclosure,
    "disclosure_ack": _disclosure_ack,
    "notice": _notice,
    "history_grant": _history_grant,
}
