"""Opening salts to a case: so that its readers find the conversations and people it names in the log."""

from __future__ import annotations

from tapeline.base.errors import TapelineError
from tapeline.crypto.ids import tag, user_id
from tapeline.governance.case import Case, Subject
from tapeline.relay.services.conversations import Conversation
from tapeline.relay.services.ledger import Ledger
from tapeline.wire.v1.relay_pb2 import Salt, SaltsResponse


def salts_of(case: Case, ledger: Ledger) -> SaltsResponse:
    """Return the salts of the case's subjects and conversations; without conversations, of all the subjects'.

    Conversations that the case's firm never took part in stay closed: no session of theirs is in its scope.
    """
    directory = ledger.directory
    named = case.conversations or _conversations_of(case, ledger)
    conversations = []
    for identifier in named:
        conversation = ledger.conversations.get(identifier)
        if conversation is not None and _took_part(case.firm, conversation):
            membership = directory.membership(identifier)
            conversations.append(Salt(id=identifier, salt=membership.salt, tag=membership.tag))
    users = [salt for salt in (_user(subject, ledger) for subject in case.subjects) if salt is not None]
    return SaltsResponse(conversations=conversations, users=users)


def _took_part(firm: str, conversation: Conversation) -> bool:
    return any(firm == member for statement in conversation.statements for member, _ in statement.people)


def _conversations_of(case: Case, ledger: Ledger) -> list[bytes]:
    found = (ledger.conversations.of((subject.firm, subject.user)) for subject in case.subjects)
    return list(dict.fromkeys(conversation.id for group in found for conversation in group))


def _user(subject: Subject, ledger: Ledger) -> Salt | None:
    try:
        salt = ledger.directory.user_salt(subject.firm, subject.user)
    except TapelineError:
        return None  # a subject who was never enrolled has no leaves to find
    identifier = user_id(ledger.directory.deployment, subject.firm, subject.user)
    return Salt(id=identifier, salt=salt, tag=tag(salt, identifier))
