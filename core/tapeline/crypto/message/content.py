"""What can be said in a conversation, and its encoding: the one door for reader and reviewer, never the relay's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tapeline.base.errors import MalformedInput
from tapeline.base.rules import Rule, require
from tapeline.base.times import Rng
from tapeline.crypto.limits import MESSAGE_BODY
from tapeline.crypto.wire import encode, parse
from tapeline.wire.v1 import content_pb2 as pb

MESSAGE_ID_BYTES = 16
_MAX_LABELS = 32
_MAX_LABEL_BYTES = 256


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text; `action` for what chat programs call /me."""

    text: str
    action: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Text in answer to the message of hash `to`."""

    to: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A new wording of the own message of hash `of`; the old one stays in the record."""

    of: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """The sender no longer stands by the message of hash `of`; nothing is removed."""

    of: bytes


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji on the message of hash `of`."""

    of: bytes
    emoji: str


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """The messages of these hashes were read."""

    of: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class RecordingDisclosure:
    """This line is taped: by which firm, kept in which class."""

    firm: str
    text: str
    retention_class: str


@dataclass(frozen=True, slots=True)
class DisclosureAck:
    """The disclosure of hash `of` was seen."""

    of: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened to the conversation: `kind` is "join", "leave", "rename" or "topic"."""

    kind: str
    subject: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A kind of content that this version does not know, or does not show."""

    kind: str


Body = Text | Reply | Edit | Delete | Reaction | ReadReceipt | RecordingDisclosure | DisclosureAck | Notice | Unknown


@dataclass(frozen=True, slots=True)
class Said:
    """Decoded content: a random id (16 bytes) chosen by the sender, the body, the application's labels."""

    message_id: bytes
    body: Body
    labels: Mapping[str, str]


def encode_content(body: Body, labels: Mapping[str, str], rng: Rng) -> tuple[bytes, bytes]:
    """Return a fresh message id and the content's bytes.

    Raises:
        MalformedInput: too long, too many labels, or nothing that can be sent.
    """
    _check_labels(labels)
    content = pb.Content(message_id=rng(MESSAGE_ID_BYTES), labels=dict(labels))
    _fill(content, body)
    encoded = encode(content)
    if len(encoded) > MESSAGE_BODY:
        raise MalformedInput(f"The message is over {MESSAGE_BODY} bytes.", "Send it in parts.")
    return content.message_id, encoded


def parse_content(data: bytes) -> pb.Content:
    """Return a message's content, strictly parsed; whatever bytes a sender sealed, nothing else is raised than:

    Raises:
        Refused: of the wire format, or MSG-7 where there is no message id.
        MalformedInput: no protobuf.
    """
    content = parse(pb.Content, data, limit=MESSAGE_BODY, what="message's content")
    require(len(content.message_id) == MESSAGE_ID_BYTES, Rule.MSG_PADDING, "The content has no message id of 16 bytes.")
    return content


def decode_content(data: bytes) -> Said:
    """Return what a message says; raises as `parse_content`."""
    content = parse_content(data)
    return Said(content.message_id, _body(content), dict(content.labels))


def _fill(content: pb.Content, body: Body) -> None:
    match body:
        case Text(text, action):
            content.text.CopyFrom(pb.Text(text=text, action=action))
        case Reply(to, text):
            content.reply.CopyFrom(pb.Reply(to=to, text=text))
        case Edit(of, text):
            content.edit.CopyFrom(pb.Edit(of=of, text=text))
        case Delete(of):
            content.delete.CopyFrom(pb.Delete(of=of))
        case Reaction(of, emoji):
            content.reaction.CopyFrom(pb.Reaction(of=of, emoji=emoji))
        case ReadReceipt(hashes):
            content.read_receipt.CopyFrom(pb.ReadReceipt(of=hashes))
        case _:
            _fill_notice(content, body)


def _fill_notice(content: pb.Content, body: Body) -> None:
    match body:
        case RecordingDisclosure(firm, text, retention_class):
            disclosure = pb.RecordingDisclosure(firm=firm, text=text, retention_class=retention_class)
            content.disclosure.CopyFrom(disclosure)
        case DisclosureAck(of):
            content.disclosure_ack.CopyFrom(pb.DisclosureAck(of=of))
        case Notice(kind, subject, text):
            content.notice.CopyFrom(pb.Notice(kind=kind, subject=subject, text=text))
        case _:
            raise MalformedInput("This kind of content can not be sent.", "Send one of the kinds of this version.")


def _body(content: pb.Content) -> Body:
    match content.WhichOneof("body"):
        case "text":
            return Text(content.text.text, content.text.action)
        case "reply":
            return Reply(content.reply.to, content.reply.text)
        case "edit":
            return Edit(content.edit.of, content.edit.text)
        case "delete":
            return Delete(content.delete.of)
        case "reaction":
            return Reaction(content.reaction.of, content.reaction.emoji)
        case "read_receipt":
            return ReadReceipt(tuple(content.read_receipt.of))
        case kind:
            return _notice_body(content, kind or "nothing")


def _notice_body(content: pb.Content, kind: str) -> Body:
    match kind:
        case "disclosure":
            said = content.disclosure
            return RecordingDisclosure(said.firm, said.text, said.retention_class)
        case "disclosure_ack":
            return DisclosureAck(content.disclosure_ack.of)
        case "notice":
            return Notice(content.notice.kind, content.notice.subject, content.notice.text)
        case _:
            return Unknown(kind)


def _check_labels(labels: Mapping[str, str]) -> None:
    texts: Iterable[str] = [*labels.keys(), *labels.values()]
    if len(labels) > _MAX_LABELS or any(len(text.encode()) > _MAX_LABEL_BYTES for text in texts):
        raise MalformedInput(
            f"There are over {_MAX_LABELS} labels, or one is over {_MAX_LABEL_BYTES} bytes.",
            "Use fewer or shorter ones.",
        )
