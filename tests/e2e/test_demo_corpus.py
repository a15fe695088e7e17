"""Real chat logs through the whole story: one raw and one meeting log in every run, all of them in a soak."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tapeline.demo.transcript import load_transcript

HANG_SECONDS = 1200  # a replay that hangs; how long one takes is told, never judged here
RAW, MEETING = "2004-11-15_03.raw.txt", "ubuntu-meeting.1.ascii.txt"
ALL = [
    "2004-11-15_03.raw.txt",
    "2005-06-27_12.raw.txt",
    "2005-08-08_01.raw.txt",
    "2008-12-11_11.raw.txt",
    "2009-02-23_10.raw.txt",
    "2009-03-03_10.raw.txt",
    "2009-10-01_17.raw.txt",
    "2011-05-29_19.raw.txt",
    "2011-11-13_02.raw.txt",
    "2016-12-19_20.raw.txt",
    "ubuntu-meeting.0.ascii.txt",
    "ubuntu-meeting.1.ascii.txt",
]


def replay(path: Path) -> None:
    transcript = load_transcript(path)
    said = len(transcript.events) + transcript.directed
    conversations = 1 + len(transcript.pairs) + 1  # the channel, the pairs, the modified client's
    done = subprocess.run(
        [sys.executable, "-m", "tapeline.cli", "demo", "--json", "--transcript", str(path)],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout)
    assert told["faults"] == []
    assert told["sent"] == told["stored"] == said + conversations + 2  # a disclosure each, and two frauds' twins
    assert told["unread"] == len(transcript.unread)


@pytest.mark.timeout(HANG_SECONDS + 60)
@pytest.mark.parametrize("name", [RAW, MEETING])
def test_a_real_log_is_replayed_whole(name: str, shared_dir: Path) -> None:
    replay(shared_dir / "corpus" / "irc" / name)


@pytest.mark.soak
@pytest.mark.timeout(HANG_SECONDS + 60)
@pytest.mark.parametrize("name", [name for name in ALL if name not in {RAW, MEETING}])
def test_every_real_log_is_replayed_whole(name: str, shared_dir: Path) -> None:
    replay(shared_dir / "corpus" / "irc" / name)
