"""Errors of the client beyond the protocol's refusals; each names its cause and its remedy."""

from __future__ import annotations

from tapeline.base.errors import TapelineError, Unavailable


class StoreProblem(TapelineError):
    """The local store can not be opened: absent, altered, of a later version, or the passphrase is wrong."""


class NotEnrolled(TapelineError):
    """The store holds no enrolled device."""


class RelayUnreachable(Unavailable):
    """The relay does not answer; what was to be sent is kept and sent later."""


class MessageIdReused(TapelineError):
    """A sender gave two different contents one message id; both are kept and shown."""


class NewDevice(TapelineError):
    """A device joined that its user or colleagues should know of: whoever holds it reads from now on."""


class StoreIsOlder(TapelineError):
    """The log shows that this device did more than its store remembers: the store is an older copy."""


class SendFailed(TapelineError):
    """A message was definitively refused, also in a new session."""


class ClientClosed(TapelineError):
    """The client was closed while the call waited; kept messages are sent when it is opened again."""
