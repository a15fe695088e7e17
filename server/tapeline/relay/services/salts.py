"""Opening salts to an approved case: so that its readers find the conversations and people it names in the log."""

from __future__ import annotations

from tapeline.base.errors import TapelineError
from tapeline.crypto.ids import tag, user_id
from tapeline.governance.case import Case, Subject
from tapeline.relay.services.ledger import Ledger
from tapeline.relay.services.need import about
from tapeline.wire.v1.relay_pb2 import Salt, SaltsResponse


def salts_of(case: Case, ledger: Ledger) -> SaltsResponse:
    """Return the salts of the case's subjects, and of the conversations that it is about."""
    conversations = []
    for conversation in about(case, ledger.conversations):
        membership = ledger.directory.membership(conversation.id)
        conversations.append(Salt(id=conversation.id, salt=membership.salt, tag=membership.tag))
    users = [salt for salt in (_user(subject, ledger) for subject in case.subjects) if salt is not None]
    return SaltsResponse(conversations=conversations, users=users)


def _user(subject: Subject, ledger: Ledger) -> Salt | None:
    try:
        salt = ledger.directory.user_salt(subject.firm, subject.user)
    except TapelineError:
        return None  # a subject who was never enrolled has no leaves to find
    identifier = user_id(ledger.directory.deployment, subject.firm, subject.user)
    return Salt(id=identifier, salt=salt, tag=tag(salt, identifier))
