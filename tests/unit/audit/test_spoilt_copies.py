"""Whatever a copy lacks or states wrongly is named, even where the spoiler holds every log and witness key."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_kit import Deployment

from tapeline.audit.auditor import audit
from tapeline.cli.copyfolder import FolderLog, open_copy
from tapeline.demo.spoil import SPOILS, read_entries
from tapeline.transparency.tiles import ENTRIES, TileId, encode_bundle


def rules(copy: Path) -> dict[str, str]:
    return {finding.rule: finding.where for finding in audit(open_copy(copy)).findings}


def test_an_honest_copy_is_complete(pristine: Path) -> None:
    report = audit(open_copy(pristine))
    assert report.findings == ()
    assert report.sentence() == (
        "Complete: 13 of 13 messages, no gaps; 4 of 4 sessions openable; log checked by 2 witnesses."
    )
    assert (report.warrants, report.releases) == (1, 3)


@pytest.mark.parametrize("name", SPOILS)
@pytest.mark.parametrize("keys", [False, True], ids=["without keys", "with all keys"])
def test_every_spoilt_copy_is_named(name: str, keys: bool, copy: Path, busy: Deployment) -> None:
    expected = SPOILS[name](copy, (lambda text: busy.archive.sign(text, busy.now)) if keys else None)
    report = audit(open_copy(copy))
    assert expected.is_named(report.findings), report.findings
    begins = "Messages complete, but 4 findings: " if name == "warrant_removed" else "Incomplete: "
    assert report.sentence().startswith(begins)


@pytest.mark.parametrize("name", SPOILS)
def test_no_spoil_is_named_where_nothing_is_spoilt(name: str, copy: Path, pristine: Path) -> None:
    expected = SPOILS[name](copy, None)
    assert not expected.is_named(audit(open_copy(pristine)).findings)


def test_figures_say_what_is_left(copy: Path) -> None:
    SPOILS["record_missing"](copy, None)
    report = audit(open_copy(copy))
    assert "9 of 13 messages, 4 missing or unsound; 3 of 4 sessions openable" in report.sentence()


def test_an_entry_other_than_the_tile_says_is_named_by_its_index(copy: Path) -> None:
    log = FolderLog(copy / "archive")
    entries = read_entries(log)
    entries[9], entries[10] = entries[10], entries[9]
    log.write_tile(TileId(ENTRIES, 0, len(entries)), encode_bundle(entries))
    places = {finding.where for finding in audit(open_copy(copy)).findings if finding.rule == "AUD-3"}
    assert places == {"archive leaf 9", "archive leaf 10"}


def test_a_missing_tile_is_named(copy: Path) -> None:
    next((copy / "archive" / "tile" / "0").rglob("*.p/*")).unlink()
    assert rules(copy)["AUD-1"].startswith("archive tile/0/000")


def test_missing_entries_are_named(copy: Path) -> None:
    next((copy / "audit" / "tile" / "entries").rglob("*.p/*")).unlink()
    assert "audit tile/entries/000" in {finding.where.split(".p")[0] for finding in audit(open_copy(copy)).findings}


def test_a_checkpoint_kept_from_before_convicts_a_fork(copy: Path, busy: Deployment) -> None:
    other = Deployment("busy").archive  # the same log key, another history
    other.entries = [b"another past"]
    (copy / "archive" / "checkpoints").mkdir()
    (copy / "archive" / "checkpoints" / "1").write_bytes(other.note(busy.now))
    assert "kept from an earlier copy" in rules(copy)["AUD-5"]


def test_an_object_under_another_ones_name_is_named(copy: Path, busy: Deployment) -> None:
    log = FolderLog(copy / "archive")
    message, other = [
        digest for digest in busy.archive.objects if any(digest == one.object_hash for one in messages(busy))
    ][:2]
    log.write_object(message, log.object(other))
    assert rules(copy)["AUD-2"].endswith(f"message {message[:8].hex()}…")


def messages(busy: Deployment):
    from tapeline.wire.v1 import objects_pb2 as pb

    leaves = [pb.Leaf.FromString(entry) for entry in busy.archive.entries]
    return [leaf for leaf in leaves if leaf.type == pb.LEAF_TYPE_MESSAGE]


def test_a_checkpoint_that_one_witness_left_is_not_believed(copy: Path) -> None:
    path = copy / "archive" / "checkpoint"
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:-2]) + b"\n")
    report = audit(open_copy(copy))
    assert "LOG-3" in {finding.rule for finding in report.findings}
    assert "no gaps seen, but the archive log itself is not sound" in report.sentence()
    assert "log not checked by the quorum of witnesses" in report.sentence()


def test_a_spoilt_bundle_is_no_fork(copy: Path) -> None:
    """Whoever changes a copy on its way must not make it accuse the log's operator."""
    log = FolderLog(copy / "archive")
    entries = read_entries(log)
    entries[9], entries[10] = entries[10], entries[9]
    log.write_tile(TileId(ENTRIES, 0, len(entries)), encode_bundle(entries))
    report = audit(open_copy(copy))
    assert "AUD-5" not in {finding.rule for finding in report.findings}
    assert any("the copy was changed" in finding.what for finding in report.findings)
    assert report.sentence().startswith("Incomplete: ")


def test_another_statement_of_the_newest_size_convicts_the_log_whatever_the_entries(
    copy: Path, busy: Deployment
) -> None:
    other = Deployment("busy").archive
    other.entries = [bytes([number]) for number in range(len(busy.archive.entries))]
    (copy / "archive" / "checkpoints").mkdir()
    (copy / "archive" / "checkpoints" / "1").write_bytes(other.note(busy.now))
    next((copy / "archive" / "tile" / "entries").rglob("*.p/*")).unlink()
    assert "kept from an earlier copy" in rules(copy)["AUD-5"]
