"""Waits and inputs of `tapeline chat` that need no deployment."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tapeline.base.errors import MalformedInput, StateError, Unavailable
from tapeline.base.times import DAY
from tapeline.cli import waiting
from tapeline.cli.chat import _prove
from tapeline.cli.chat_client import read_code, read_text
from tapeline.cli.chat_words import notice_of
from tapeline.cli.failure import Status, failure_of
from tapeline.client.errors import SendFailed
from tapeline.client.events import CaughtUp, ExpiresSoon, NotSent, SendDelayed
from tapeline.crypto.limits import MESSAGE_BODY
from tapeline.governance.expiry import Expiring, warnings_at


class Unproven:
    """A receipt whose proof never comes, as where no witness answers."""

    index = 7

    async def logged(self) -> None:
        await asyncio.Event().wait()


async def test_a_proof_that_does_not_come_is_waited_for_aloud_and_not_for_ever(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting.speaking.__wrapped__, "__kwdefaults__", {"first_s": 0.05})  # type: ignore[attr-defined]
    with pytest.raises(Unavailable) as told:
        await _prove(Unproven(), 0.3)  # type: ignore[arg-type]
    assert "stored as leaf 7" in told.value.cause
    assert not told.value.retryable  # whoever sends again says it twice
    failure = failure_of(told.value)
    assert failure is not None
    assert failure.status is Status.UNREACHABLE
    assert "Waiting for a checkpoint that enough witnesses cosigned" in capsys.readouterr().err


def typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: bytes) -> None:
    """Put bytes on standard input."""
    path = tmp_path / "typed"
    path.write_bytes(text)
    monkeypatch.setattr("sys.stdin", os.fdopen(os.open(path, os.O_RDONLY), "r"))


def test_a_code_comes_from_the_line_a_file_or_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "code").write_text("abc\nrest\n")
    assert read_code("-", tmp_path / "code") == "abc"
    assert read_code("given", None) == "given"
    with pytest.raises(MalformedInput, match="Both"):
        read_code("given", tmp_path / "code")
    typed(monkeypatch, tmp_path, b"typed\n")
    assert read_code("-", None) == "typed"
    with pytest.raises(StateError, match="No enrolment code"):
        read_code("-", None)


def test_a_text_comes_from_the_line_or_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read_text("given") == "given"
    typed(monkeypatch, tmp_path, "zwei\nZeilen – äö\n".encode())
    assert read_text("-") == "zwei\nZeilen – äö"


@pytest.mark.parametrize("text", [b"", b" \n", b"\xff\xfe", b"x" * (MESSAGE_BODY + 1)])
def test_what_is_no_message_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: bytes) -> None:
    typed(monkeypatch, tmp_path, text)
    with pytest.raises(MalformedInput):
        read_text(None)


def test_events_that_concern_the_user_are_said_and_others_not() -> None:
    (warning,) = warnings_at(
        100 * DAY, [Expiring("The roster of b\x1bank", 105 * DAY, "no warrant is issued", "Sign.")]
    )
    failed = SendFailed("The message can not be sent: no.", "Ask.")
    said = [str(notice_of(one)) for one in (ExpiresSoon(warning), NotSent(b"", b"", failed), SendDelayed(b"", failed))]
    assert ["ends in 5 days" in said[0], "was not sent" in said[1], "tried again" in said[2]] == [True] * 3
    assert "\x1b" not in "".join(said)
    assert notice_of(CaughtUp()) is None
