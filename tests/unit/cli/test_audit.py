"""`tapeline audit verify`: its sentence, its JSON, its exit status; `copy`'s resumption against a log on a thread."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from audit_kit import Deployment, busy_deployment
from typer.testing import CliRunner

from tapeline.audit.auditor import audit
from tapeline.audit.copy import ForkCopy
from tapeline.audit.finding import Finding
from tapeline.base.errors import MalformedInput, StateError, Unavailable
from tapeline.base.times import DAY
from tapeline.cli.auditshow import grouped
from tapeline.cli.copyfolder import FolderLog, open_copy, read_forks, write_fork, write_pins
from tapeline.cli.copying import LoggedItem, begin_copy, copy_log
from tapeline.cli.main import build
from tapeline.cli.spoken import roster_words
from tapeline.demo.spoil import drop_message
from tapeline.wire.v1.objects_pb2 import AuditLeaf, Leaf


@pytest.fixture(scope="module")
def busy() -> Deployment:
    return busy_deployment()


@pytest.fixture
def copy(busy: Deployment, tmp_path: Path) -> Path:
    return busy.write(tmp_path / "copy")


@pytest.fixture
def roster(busy: Deployment, tmp_path: Path) -> str:
    """The file of the founding roster, as an officer gave it to the auditor."""
    path = tmp_path / "roster.json"
    path.write_bytes(busy.audit.objects[busy.roster.statement_hash])
    return str(path)


def verify(*words: str):
    return CliRunner().invoke(build(["audit"]), ["audit", "verify", *words])


def test_a_complete_copy_ends_with_the_sentence(copy: Path, roster: str) -> None:
    result = verify(str(copy), "--roster", roster)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == (
        "Complete: 13 of 13 messages, no gaps; 4 of 4 sessions openable; log checked by 2 witnesses."
    )


def test_findings_are_listed_and_give_status_1(copy: Path, roster: str) -> None:
    expected = drop_message(copy)
    result = verify(str(copy), "--roster", roster)
    assert result.exit_code == 1
    assert "AUD-1" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("Incomplete: 12 of 13 messages")
    told = json.loads(verify(str(copy), "--json").stdout)
    assert told["complete"] is False
    assert any(expected.where in finding["where"] for finding in told["findings"])


def test_json_is_one_object(copy: Path) -> None:
    result = verify(str(copy), "--json")
    told = json.loads(result.stdout)
    assert (told["complete"], told["messages"], told["sessions_openable"], told["witnesses"]) == (
        True,
        13,
        4,
        ["inside", "outside"],
    )


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": "tapeline-copy/9", "firms": {"a": "00"}}', b"[1]"])
def test_a_damaged_folder_is_one_readable_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "copy.json").write_bytes(content)
    result = verify(str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


def test_a_copy_that_nobody_vouches_for_shows_whose_it_is_and_gives_status_1(copy: Path, busy: Deployment) -> None:
    words = roster_words(busy.roster)
    result = verify(str(copy))
    assert result.exit_code == 1
    assert "Complete: 13 of 13" in result.stdout
    for shown in (busy.roster.organisation, busy.roster.deployment.hex(), words, "inside, outside"):
        assert shown in result.stdout
    assert "Compare these words with the officers' words" in result.stdout.splitlines()[-1]
    told = verify(str(copy), "--json")
    assert told.exit_code == 1
    assert (json.loads(told.stdout)["trusted"], json.loads(told.stdout)["words"]) == (False, words)


@pytest.mark.parametrize("way", ["roster", "word"])
def test_a_roster_or_a_persons_word_makes_a_copy_trusted(way: str, copy: Path, roster: str, busy: Deployment) -> None:
    result = verify(str(copy), "--json", *(["--roster", roster] if way == "roster" else ["--trust-copy"]))
    told = json.loads(result.stdout)
    assert (result.exit_code, told["trusted"]) == (0, True)
    assert (told["organisation"], told["deployment"]) == (busy.roster.organisation, busy.roster.deployment.hex())


def test_a_copy_made_with_another_roster_is_refused(copy: Path, tmp_path: Path) -> None:
    """An operator hands over a copy of a deployment of his own, complete in itself."""
    mine = Deployment("the auditor's own")
    path = tmp_path / "mine.json"
    path.write_bytes(mine.audit.objects[mine.roster.statement_hash])
    result = verify(str(copy), "--roster", str(path), "--trust-copy")
    assert result.exit_code == 1
    assert "not the copy's founding roster" in result.stderr
    assert mine.roster.deployment.hex() in result.stderr
    assert "Complete" not in result.stdout


def test_a_copy_without_its_founding_roster_claims_no_deployment(copy: Path, busy: Deployment) -> None:
    FolderLog(copy / "audit").object_path(busy.roster.statement_hash).unlink()
    told = json.loads(verify(str(copy), "--json", "--trust-copy").stdout)
    assert (told["deployment"], told["words"]) == ("", roster_words(busy.roster))


def test_consequences_of_one_cause_are_one_row(copy: Path, roster: str) -> None:
    for path in (copy / "archive" / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    result = verify(str(copy), "--roster", roster)
    told = json.loads(verify(str(copy), "--roster", roster, "--json").stdout)
    rows = grouped([Finding(one["rule"], one["what"], one["where"]) for one in told["findings"]])
    assert sum(count for _, count in rows) == len(told["findings"])  # --json keeps every one
    assert len(rows) < len(told["findings"]) / 2
    assert "more like this" in " ".join(result.stdout.split())
    lines = result.stdout.splitlines()
    assert lines[0] == lines[-1] == told["sentence"]


def test_other_rules_and_other_words_are_rows_of_their_own() -> None:
    here = "archive leaf 1"
    findings = [
        Finding("AUD-1", "The copy lacks the message.", here),
        Finding("AUD-1", "The copy lacks the session.", here),
        Finding("AUD-2", "The copy lacks the message.", here),
        Finding("LEF-2", "Conversation 1190995cea36ea74… goes on with number 4 instead of 3.", here),
        Finding("LEF-2", "Conversation 2290995cea36ea74… goes on with number 14 instead of 5.", "archive leaf 2"),
    ]
    assert grouped(findings) == [(findings[0], 1), (findings[1], 1), (findings[2], 1), (findings[3], 2)]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(copy: Path) -> Iterator[str]:
    """Serve the copy's own tiles, as a log would."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(copy))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def items(busy: Deployment, name: str, page: int, upto: int | None = None):
    log = getattr(busy, name)
    parse = Leaf.FromString if name == "archive" else AuditLeaf.FromString

    def since(start: int) -> Iterator[LoggedItem]:
        for index in range(start, min(start + page, upto or len(log.entries))):
            leaf = parse(log.entries[index])
            digest = leaf.object_hash if name == "archive" else leaf.statement_hash
            yield LoggedItem(index, log.entries[index], digest, log.objects[digest])

    return since


def nothing(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


def test_what_is_copied_verifies(busy: Deployment, served: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("audit", "archive"):
        size = copy_log(name, f"{served}/{name}", items(busy, name, page=5), FolderLog(out / name), nothing)
        assert size == len(getattr(busy, name).entries)
    write_pins(out, {"acme": busy.roster.statement_hash})
    assert audit(open_copy(out)).complete


def test_a_broken_copy_goes_on(busy: Deployment, served: str, tmp_path: Path) -> None:
    out = FolderLog(tmp_path / "out")

    def breaks(start: int) -> Iterator[LoggedItem]:
        yield from items(busy, "archive", page=7)(start)
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        copy_log("archive", f"{served}/archive", breaks, out, nothing)
    assert not (out.folder / "checkpoint").exists()
    copy_log("archive", f"{served}/archive", items(busy, "archive", page=100), out, nothing)
    assert (out.folder / "checkpoint").exists()


def test_a_service_that_keeps_entries_back_is_told(busy: Deployment, served: str, tmp_path: Path) -> None:
    kept_back = items(busy, "archive", page=100, upto=10)
    with pytest.raises(StateError, match="10 of 27"):
        copy_log("archive", f"{served}/archive", kept_back, FolderLog(tmp_path / "out"), nothing)


def test_entries_out_of_order_are_refused(busy: Deployment, served: str, tmp_path: Path) -> None:
    def jumping(start: int) -> Iterator[LoggedItem]:
        yield from items(busy, "archive", page=100)(start + 1)

    with pytest.raises(MalformedInput, match="order"):
        copy_log("archive", f"{served}/archive", jumping, FolderLog(tmp_path / "out"), nothing)


def test_the_checkpoint_before_is_kept(busy: Deployment, tmp_path: Path) -> None:
    folder = FolderLog(tmp_path)
    early = busy.archive.note(busy.now)
    folder.write_note(early)
    folder.write_note(busy.archive.note(busy.now + 5000))
    assert folder.earlier_notes() == [early]


def test_two_checkpoints_of_one_size_are_both_kept(busy: Deployment, tmp_path: Path) -> None:
    """An operator forks the log and hands out a note of the old size: it must not take the old one's place."""
    folder = FolderLog(tmp_path)
    other = Deployment("busy").archive
    other.entries = [bytes([number]) for number in range(len(busy.archive.entries))]
    honest, forked = busy.archive.note(busy.now), other.note(busy.now)
    for note in (honest, forked, busy.archive.note(busy.now + 5000), forked):
        folder.write_note(note)
    assert sorted(folder.earlier_notes()) == sorted([honest, forked])


def test_what_a_copy_holds_is_never_overwritten(busy: Deployment, served: str, tmp_path: Path) -> None:
    out = FolderLog(tmp_path / "out")
    everything = items(busy, "audit", page=100)
    copy_log("audit", f"{served}/audit", everything, out, nothing)
    evidence = out.object_path(busy.roster.statement_hash)
    evidence.write_bytes(b"what the operator handed out last month")
    with pytest.raises(StateError, match=evidence.name):
        copy_log("audit", f"{served}/audit", everything, out, nothing)
    assert evidence.read_bytes() == b"what the operator handed out last month"


def test_a_fork_that_is_kept_is_never_overwritten(tmp_path: Path) -> None:
    write_fork(tmp_path, 1, ForkCopy(bytes(64), b"one"))
    with pytest.raises(StateError, match="00000001"):
        write_fork(tmp_path, 1, ForkCopy(bytes(64), b"other"))
    assert [fork.message for fork in read_forks(tmp_path)] == [b"one"]


def test_a_folder_of_another_deployment_is_refused_before_anything_is_written(busy: Deployment, tmp_path: Path) -> None:
    ours = {"acme": busy.roster.statement_hash}
    assert begin_copy(tmp_path / "new", ours) is False
    (tmp_path / "new" / "audit").mkdir()
    assert begin_copy(tmp_path / "new", ours) is True
    (tmp_path / "unknown" / "archive").mkdir(parents=True)
    for folder in ("new", "unknown"):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(StateError, match="deployment"):
            begin_copy(tmp_path / folder, {"acme": bytes(64)})
        assert sorted(tmp_path.rglob("*")) == before


def test_no_tiles_to_be_had_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        copy_log("archive", "http://127.0.0.1:9", lambda _: iter(()), FolderLog(tmp_path), nothing)
    with pytest.raises(MalformedInput):
        copy_log("archive", "file:///etc", lambda _: iter(()), FolderLog(tmp_path), nothing)


def test_a_copy_is_its_owners(busy: Deployment, served: str, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        copy_log("audit", f"{served}/audit", items(busy, "audit", 512), FolderLog(tmp_path / "new"), nothing)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o600}


class Hostile(SimpleHTTPRequestHandler):
    """Answers everything with what `answer` holds."""

    answer = b""

    def do_GET(self) -> None:
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"nonsense\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort", Unavailable),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2_000_000), MalformedInput),
    ],
)
def test_what_a_hostile_server_answers_is_one_readable_error(
    answer: bytes, error: type[Exception], tmp_path: Path
) -> None:
    handler = type("Answering", (Hostile,), {"answer": answer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(error):
            copy_log("audit", url, lambda _: iter(()), FolderLog(tmp_path), nothing)
        server.shutdown()


def test_a_tile_that_was_cut_off_is_not_kept(busy: Deployment, copy: Path, served: str, tmp_path: Path) -> None:
    for path in (copy / "archive" / "tile" / "0").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    out = FolderLog(tmp_path / "out")
    with pytest.raises(Unavailable, match="in part"):
        copy_log("archive", f"{served}/archive", items(busy, "archive", page=100), out, nothing)
    assert not (out.folder / "tile" / "0").exists()


def test_an_auditor_is_told_what_ends_soon(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends_ms = audit(open_copy(copy)).ends[0].ends_ms
    monkeypatch.setattr("tapeline.cli.expiring.system_clock", lambda: ends_ms - 6 * DAY)
    told = json.loads(verify(str(copy), "--json").stdout)
    assert any("roster" in one and "ends in 6 days" in one for one in told["ending"])
    assert "ends in 6 days" in verify(str(copy)).stderr
