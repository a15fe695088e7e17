"""Who calls, and which calls that allows."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from tapeline.base.errors import PermissionRefused, Unauthenticated


@dataclass(frozen=True, slots=True)
class Principal:
    """A device of a user, or a person or service of a roster; looked up anew at every call.

    Attributes:
        key: Ed25519 key that logged in, 32 bytes.
        firm: whose device, person or service it is.
        name: the user's name, or the person's id in the roster.
        roles: of the roster; empty for a device.
        device_entry: hash of the directory entry, 64 bytes; None for a person.
    """

    key: bytes
    firm: str
    name: str
    roles: frozenset[str] = frozenset()
    device_entry: bytes | None = None


WhoIs = Callable[[bytes], "Principal | None"]
"""Looks an Ed25519 key up in the directory as of now; None where it is unknown, expired or revoked."""


@dataclass(frozen=True, slots=True)
class Auth:
    """Which callers an RPC takes; an RPC without one takes none."""

    anonymous: bool = False
    anyone: bool = False
    """Any caller who has logged in."""
    device: bool = False
    roles: frozenset[str] = frozenset()

    def check(self, caller: Principal | None) -> None:
        """Raise unless the caller may make this call.

        Raises:
            Unauthenticated: no caller, and one is needed.
            PermissionRefused: a caller of another class.
        """
        if self.anonymous:
            return
        if caller is None:
            raise Unauthenticated("This call needs a login.", "Log in with the device's or the person's key.")
        if self.anyone:
            return
        allowed = self.device if caller.device_entry is not None else not self.roles.isdisjoint(caller.roles)
        if not allowed:
            raise PermissionRefused("This caller's role does not allow this call.", "Ask someone with the role.")


ANONYMOUS = Auth(anonymous=True)
LOGGED_IN = Auth(anyone=True)
DEVICE = Auth(device=True)


def with_role(*roles: str, device: bool = False) -> Auth:
    """Return the class of people with one of the roles, and of devices too where told."""
    return Auth(device=device, roles=frozenset(roles))


_CALLER: ContextVar[Principal | None] = ContextVar("tapeline_rpc_caller", default=None)


def set_caller(caller: Principal | None) -> None:
    """Remember the caller for the task of this call; for the guard only."""
    _CALLER.set(caller)


def maybe_caller() -> Principal | None:
    """Return who makes the current call, None where it is anonymous."""
    return _CALLER.get()


def caller() -> Principal:
    """Return who makes the current call.

    Raises:
        Unauthenticated: it is anonymous.
    """
    known = _CALLER.get()
    if known is None:
        raise Unauthenticated("This call needs a login.", "Log in with the device's or the person's key.")
    return known
