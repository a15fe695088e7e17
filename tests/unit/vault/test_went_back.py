"""A vault on an older copy of its folder notices by what the logs say of it, and answers nothing until it is let."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from gov_kit import CLASS, Archive, Matter, sign_certificate, sign_roster
from vault_kit import make_vault, pages_of, receipt_request, reserve

from tapeline.agent.sealed_store import SealedStore
from tapeline.base.errors import NotFound, PermissionRefused, StateError
from tapeline.base.secret import Secret
from tapeline.crypto.wire import encode
from tapeline.vault.keyring import Keyring
from tapeline.vault.receipts import Receipts
from tapeline.wire.v1 import escrow_pb2 as wire


def older_keyring(archive: Archive, folder: Path, *, accept_older: bool = False) -> Keyring:
    """A keyring over a copy of the store that was made before the ceremony: the key of the epoch is not in it."""
    folder.mkdir()
    store = SealedStore(folder / "vault.db", Secret(bytes(32)), secrets.token_bytes)
    roster = archive.rosters["acme"]
    keyring = Keyring(
        store, roster.statement_hash, lambda: archive.now_ms, secrets.token_bytes, accept_older=accept_older
    )
    keyring.learn([sign_roster(roster)], [])
    return keyring


def test_a_certified_key_that_is_gone_ends_all_receipts(tmp_path: Path) -> None:
    archive = Archive()
    certificate, ann = archive.certify(), archive.enrol("ann")
    vault = make_vault(archive, tmp_path, lambda: archive.now_ms)
    request = encode(receipt_request(archive, ann, reserve(archive, ann, certificate)))
    assert vault.receipts.give(request)
    keyring = older_keyring(archive, tmp_path / "older")
    assert keyring.trouble() == ""
    keyring.learn([], [sign_certificate(certificate)])
    assert f"the key of epoch {certificate.epoch}, class {CLASS}" in keyring.trouble()
    with pytest.raises(StateError, match="accept-older-copy"):
        keyring.require_whole()
    receipts = Receipts(vault.receipts.key, keyring, vault.receipts.rates, vault.receipts.clock)
    with pytest.raises(PermissionRefused, match="gives no receipt"):
        receipts.give(request)


def test_one_that_was_let_goes_on_without_the_key(tmp_path: Path) -> None:
    archive = Archive()
    certificate = archive.certify()
    keyring = older_keyring(archive, tmp_path / "older", accept_older=True)
    keyring.learn([], [sign_certificate(certificate)])
    keyring.require_whole()
    assert keyring.trouble() == ""
    with pytest.raises(NotFound):
        keyring.by_id(certificate.v_key_id)
    assert keyring.make(certificate.epoch + 1, CLASS)


def test_a_release_of_its_own_that_it_forgot_ends_its_releases(tmp_path: Path) -> None:
    matter = Matter()
    (tmp_path / "now").mkdir()
    (tmp_path / "older").mkdir()
    vault = make_vault(matter.archive, tmp_path / "now", lambda: matter.now_ms)
    older = make_vault(matter.archive, tmp_path / "older", lambda: matter.now_ms)
    asked = wire.VaultReleaseRequest(warrant_package=encode(matter.package()), archive_pages=pages_of(matter.archive))
    answer = vault.releaser.release(asked)
    matter.audit.post("vault-release", answer.release, matter.now_ms)
    asked = wire.VaultReleaseRequest(warrant_package=encode(matter.package()), archive_pages=pages_of(matter.archive))
    with pytest.raises(StateError, match="a release of its own"):
        older.releaser.release(asked)
    vault.releaser._require_remembered(matter.input())
    assert vault.keyring.trouble() == ""
    assert vault.releaser.release(asked) == answer
