"""The small conversation that `tapeline demo` plays where no log is given; its people are roles of a trading floor."""

from __future__ import annotations

from tapeline.demo.transcript import Transcript, parse_transcript

_LINES = """\
=== desk-1 [floor] has joined #rates
[09:00] <desk-1> Good morning. Two-year auction at eleven, we are flat.
[09:00] <trader-1> Morning. I have interest from a client in fifty million of the two-year.
[09:01] <trader-2> desk-1: what is our limit before the auction?
[09:01] <desk-1> trader-2: eighty million, ask risk-1 above that.
[09:02] <sales-1> The client would like a firm price by half past nine.
[09:02]  * trader-1 is looking at the book
[09:03] <trader-1> sales-1: I can show 99.875 for fifty.
[09:03] <sales-1> trader-1, passing it on now.
[09:04] <risk-1> Reminder: the limit counts positions that are agreed and not yet booked.
[09:05] <trader-2> risk-1: understood, including the ten million of yesterday evening?
[09:05] <risk-1> trader-2: including those.
[09:07] <sales-1> The client takes fifty at 99.875.
[09:07] <trader-1> Done. Fifty million, 99.875, settlement tomorrow.
[09:07] <ops-1> trader-1: I see it. Which account?
[09:08] <trader-1> ops-1: the usual one, reference in the ticket.
[09:08] <ops-1> Booked and confirmed. ✓
=== trader-2 is now known as trader-2-away
[09:20] <desk-1> Thirty left under the limit before the auction.
[09:21] <trader-1> I would rather keep it.
[09:21] <desk-1> trader-1: agreed.
[09:30] <risk-1> Numbers of half past nine are out; all desks are inside their limits.
[09:31]  * ops-1 files the confirmation
[09:32] <sales-1> The client says thank you, and asks for a quote in the five-year tomorrow.
[09:33] <trader-1> sales-1, tell them eight o'clock.
[09:34] <desk-1> Until eleven then.
=== ops-1 [floor] has left #rates
"""


def builtin_script() -> Transcript:
    """Return the built-in conversation, read by the same parser as every log."""
    return parse_transcript(_LINES.encode(), name="rates desk, a morning")
