"""The transcript's reading of chat logs: every form, every roll-over, and no line dropped."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tapeline.base.errors import MalformedInput
from tapeline.demo.logforms import MAX_LINE_BYTES, Kind, UnreadableLine, read_line
from tapeline.demo.script import builtin_script
from tapeline.demo.transcript import load_transcript, parse_transcript


def parsed(*lines: str) -> list[tuple[Kind, str, str]]:
    return [(event.kind, event.nick, event.text) for event in parse_transcript(log(*lines), name="t").events]


def log(*lines: str) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[09:00] <desk> good morning", (Kind.MESSAGE, "desk", "good morning")),
        ("[09:00:59] <desk> with seconds", (Kind.MESSAGE, "desk", "with seconds")),
        ("[09:00] <@desk> an operator", (Kind.MESSAGE, "desk", "an operator")),
        ("[09:00] <de|sk[1]>  two spaces", (Kind.MESSAGE, "de|sk[1]", " two spaces")),
        ("[09:00] <desk > padded", (Kind.MESSAGE, "desk", "padded")),
        ("=== [desk]  [~d@h]  has joined #c", (Kind.JOIN, "[desk]", " [~d@h]  has joined #c")),
        ("[09:00] <desk>", (Kind.MESSAGE, "desk", "")),
        ("[09:00] <desk> a <tag> and [10:00] <other> x", (Kind.MESSAGE, "desk", "a <tag> and [10:00] <other> x")),
        ("room-a 2020-02-29 [09:00] <desk> leap day ", (Kind.MESSAGE, "desk", "leap day ")),
        ("[09:00] -bot- bug 1", (Kind.MESSAGE, "bot", "bug 1")),
        ("[09:00]  * desk waves", (Kind.ACTION, "desk", "waves")),
        ("room-a 2020-02-29 [09:00]  * desk waves ", (Kind.ACTION, "desk", "waves ")),
        ("=== desk waves", (Kind.ACTION, "desk", "waves")),
        ("=== desk [~d@h.example]  has joined #floor", (Kind.JOIN, "desk", "[~d@h.example]  has joined #floor")),
        ("--- desk has joined #floor", (Kind.JOIN, "desk", "has joined #floor")),
        ("*** desk (d@h) has quit (bye)", (Kind.LEAVE, "desk", "(d@h) has quit (bye)")),
        ("=== desk [d@h]  has left #floor []", (Kind.LEAVE, "desk", "[d@h]  has left #floor []")),
        ("=== desk is now known as desk_2", (Kind.RENAME, "desk", "desk_2")),
        ("room-a 2020-02-29 === desk is now known as desk_2 ", (Kind.RENAME, "desk", "desk_2")),
        ("=== mode/#floor [+o desk] by root", (Kind.CHANNEL, "mode/#floor", "[+o desk] by root")),
    ],
)
def test_every_form_is_read(line: str, expected: tuple[Kind, str, str]) -> None:
    assert parsed(line) == [expected]


def test_control_bytes_stay_in_the_text_and_cut_no_line() -> None:
    assert parsed("[09:00] <a> x\x08\x1b[2J\x0b\x0c\x1c\u2028y") == [
        (Kind.MESSAGE, "a", "x\x08\x1b[2J\x0b\x0c\x1c\u2028y")
    ]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"[09:00] <a> \xff", "UTF-8"),
        (b"just words", "no known form"),
        (b"<a> no time", "no known form"),
        (b"[09:00] ", "no known form"),
        (b"[24:00] <a> x", "time"),
        (b"[09:60] <a> x", "time"),
        (b"room 2021-02-29 [09:00] <a> x", "date"),
        (b"[09:00] <a\x1b[1m> x", "control characters"),
        (b"[09:00] <" + b"n" * 65 + b"> x", "64 bytes"),
        ("[09:00] <a\u202eb> x".encode(), "control characters"),
        (b"=== a is now known as \x07b", "control characters"),
        (b"[09:00] <a> " + b"x" * MAX_LINE_BYTES, "16 KiB"),
    ],
)
def test_what_cannot_be_read_says_why_without_quoting_it(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableLine, match=reason) as refused:
        read_line(raw)
    assert "\x1b" not in str(refused.value)


def test_every_line_is_an_event_or_unread() -> None:
    transcript = parse_transcript(log("[09:00] <a> x", "rubbish", "", "=== b has joined #c"), name="t")
    assert transcript.lines == 4
    assert [event.line for event in transcript.events] == [1, 4]
    assert [(unread.line, unread.reason) for unread in transcript.unread] == [(2, "of no known form"), (3, "empty")]
    assert transcript.reasons() == {"of no known form": 1, "empty": 1}


def test_a_last_line_without_a_break_and_windows_breaks_are_read() -> None:
    transcript = parse_transcript(b"[09:00] <a> x\r\n[09:01] <b> y", name="t")
    assert [event.text for event in transcript.events] == ["x", "y"]


def test_speakers_are_those_who_say_something_in_order() -> None:
    transcript = parse_transcript(
        log("=== silent has joined #c", "[09:00] <b> x", "=== a waves", "[09:01] <b> z"), name="t"
    )
    assert transcript.speakers == ("b", "a")


@pytest.mark.parametrize(
    ("text", "to"),
    [
        ("b: x", "b"),
        ("b, x", "b"),
        ("b:", "b"),
        ("B: x", "b"),
        ("b:x", None),  # a time or a link, more often than a name
        ("b x", None),
        ("hello b: x", None),
        ("nobody: x", None),
        ("a: to myself", None),
        ("silent: x", None),
    ],
)
def test_a_directed_line_names_another_speaker_first(text: str, to: str | None) -> None:
    lines = ("=== silent has joined #c", "[09:00] <b> x", f"[09:01] <a> {text}")
    assert parse_transcript(log(*lines), name="t").events[-1].to == to


def test_exact_spelling_wins_over_another_case() -> None:
    transcript = parse_transcript(log("[09:00] <Bb> x", "[09:00] <bb> x", "[09:01] <a> bb: y"), name="t")
    assert transcript.events[-1].to == "bb"
    assert transcript.pairs == {frozenset({"a", "bb"})}
    assert transcript.directed == 1


def seconds(*lines: str) -> list[int]:
    return [event.second for event in parse_transcript(log(*lines), name="t").events]


def at(hours: int, minutes: int) -> int:
    return (hours * 60 + minutes) * 60


def test_midnight_rolls_over() -> None:
    assert seconds("[23:59] <a> x", "[00:00] <a> y", "[00:01] <a> z") == [at(23, 59), at(24, 0), at(24, 1)]


def test_two_midnights_roll_over() -> None:
    assert seconds("[20:00] <a> x", "[02:00] <a> y", "[23:00] <a> y", "[01:00] <a> z")[-1] == at(49, 0)


def test_a_clock_of_twelve_hours_rolls_over_at_noon() -> None:
    assert seconds("[12:59] <a> x", "[01:00] <a> y", "[02:00] <a> y") == [at(12, 59), at(13, 0), at(14, 0)]


def test_a_late_line_does_not_make_a_day() -> None:
    assert seconds("[13:05] <a> x", "[13:04] <a> y", "[13:06] <a> z") == [at(13, 5), at(13, 5), at(13, 6)]


def test_dates_count_days_and_untimed_lines_keep_the_time() -> None:
    lines = ("room 2020-02-28 [23:00] <a> x", "=== b has joined #c", "room 2020-03-01 [01:00] <a> y")
    assert seconds(*lines) == [at(23, 0), at(23, 0), at(49, 0)]


def test_a_log_without_speakers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.log"
    path.write_bytes(b"=== a has joined #c\n")
    with pytest.raises(MalformedInput, match="Nobody"):
        load_transcript(path)


def test_a_huge_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.log"
    with path.open("wb") as handle:
        handle.truncate(16 * 1024 * 1024 + 1)
    with pytest.raises(MalformedInput, match="16 MiB"):
        load_transcript(path)


def test_the_builtin_script_is_wholly_readable_and_varied() -> None:
    script = builtin_script()
    assert not script.unread
    assert len(script.speakers) == 6
    assert script.directed >= 8
    assert {event.kind for event in script.events} >= {Kind.MESSAGE, Kind.ACTION, Kind.JOIN, Kind.LEAVE, Kind.RENAME}


def corpus(shared: Path) -> list[Path]:
    files = sorted((shared / "corpus" / "irc").glob("*.txt"))
    assert len(files) == 12
    return files


def test_the_real_logs_are_read_whole(shared_dir: Path) -> None:
    for path in corpus(shared_dir):
        transcript = load_transcript(path)
        numbers = sorted([event.line for event in transcript.events] + [unread.line for unread in transcript.unread])
        assert numbers == list(range(1, path.read_bytes().count(b"\n") + 1)), path.name
        assert not transcript.unread, (path.name, transcript.reasons())
        assert [event.second for event in transcript.events] == sorted(event.second for event in transcript.events)


def test_the_real_logs_have_the_counts_that_their_raw_bytes_show(shared_dir: Path) -> None:
    for path in corpus(shared_dir):
        raw = Counter()
        for line in path.read_bytes().split(b"\n"):
            raw["message"] += b"] <" in line[:40] or b"] -" in line[:40]
            raw["rename"] += b"=== " in line[:32] and b" is now known as " in line
            raw["join"] += line.startswith(b"=== ") and b" has joined #" in line
            raw["leave"] += line.startswith(b"=== ") and b" has left #" in line
        transcript = load_transcript(path)
        for name, count in raw.items():
            assert transcript.count(Kind(name)) == count, (path.name, name)


def test_the_real_logs_span_hours_not_days(shared_dir: Path) -> None:
    for path in corpus(shared_dir):
        events = load_transcript(path).events
        span = events[-1].second - events[0].second
        assert 600 < span < 36 * 3600, (path.name, span)


def test_the_real_logs_have_many_speakers_and_directed_lines(shared_dir: Path) -> None:
    raw = [load_transcript(path) for path in corpus(shared_dir) if path.name.endswith(".raw.txt")]
    assert all(75 <= len(transcript.speakers) <= 193 for transcript in raw)
    assert all(transcript.directed > 100 for transcript in raw)
