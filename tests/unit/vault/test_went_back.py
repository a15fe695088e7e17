"""A vault on an older copy of its folder notices by what the logs say of it, and answers nothing until it is let."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from agent_kit import replica_of
from gov_kit import CLASS, Archive, Matter, key, make_certificate, sign, sign_certificate, sign_roster
from vault_kit import VaultUnderTest, make_vault, pages_of, receipt_request, reserve

from tapeline.agent.package import with_newest_vault_release
from tapeline.agent.sealed_store import SealedStore
from tapeline.base.errors import NotFound, PermissionRefused, StateError
from tapeline.base.secret import Secret
from tapeline.base.times import HOUR, MINUTE
from tapeline.crypto.wire import encode
from tapeline.governance.release import VaultRelease
from tapeline.vault.keyring import Keyring
from tapeline.vault.receipts import Receipts
from tapeline.vault.release import Releaser
from tapeline.wire.v1 import escrow_pb2 as wire


def keyring_on(store: SealedStore, archive: Archive, *, accept_older: bool = False, own: str = "acme/vault") -> Keyring:
    """A start of the vault on this store."""
    roster = archive.rosters["acme"]
    keyring = Keyring(
        store,
        roster.statement_hash,
        lambda: archive.now_ms,
        secrets.token_bytes,
        own_key=key(own).public,
        accept_older=accept_older,
    )
    keyring.learn([sign_roster(roster)], [])
    return keyring


def older_store(folder: Path) -> SealedStore:
    """A copy of the store that was made before the ceremony: the key of the epoch is not in it."""
    folder.mkdir()
    return SealedStore(folder / "vault.db", Secret(bytes(32)), secrets.token_bytes)


def asked(matter: Matter) -> wire.VaultReleaseRequest:
    """The matter's warrant as a reviewer brings it now."""
    return wire.VaultReleaseRequest(warrant_package=encode(matter.package()), archive_pages=pages_of(matter.archive))


def started(vault: VaultUnderTest, matter: Matter, *, accept_older: bool = False) -> VaultUnderTest:
    """The vault after a start on the same store, taught again."""
    archive = matter.archive
    keyring = keyring_on(vault.keys.store, archive, accept_older=accept_older)
    keyring.learn([], [sign_certificate(archive.certificates["acme"])])
    releaser = Releaser(vault.keys, keyring, matter.roster, lambda: matter.now_ms)
    return VaultUnderTest(vault.keys, keyring, vault.receipts, releaser)


def test_a_certified_key_that_is_gone_ends_all_receipts(tmp_path: Path) -> None:
    archive = Archive()
    certificate, ann = archive.certify(), archive.enrol("ann")
    vault = make_vault(archive, tmp_path, lambda: archive.now_ms)
    request = encode(receipt_request(archive, ann, reserve(archive, ann, certificate)))
    assert vault.receipts.give(request)
    keyring = keyring_on(older_store(tmp_path / "older"), archive)
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
    keyring = keyring_on(older_store(tmp_path / "older"), archive, accept_older=True)
    keyring.learn([], [sign_certificate(certificate)])
    keyring.require_whole()
    assert keyring.trouble() == ""
    with pytest.raises(NotFound):
        keyring.by_id(certificate.v_key_id)
    assert keyring.make(certificate.epoch + 1, CLASS)


def test_a_key_that_was_let_go_stays_so_at_a_plain_start(tmp_path: Path) -> None:
    archive = Archive()
    lost, other = archive.certify(), archive.certify(epoch=3)
    store = older_store(tmp_path / "older")
    keyring_on(store, archive, accept_older=True).learn([], [sign_certificate(lost)])
    again = keyring_on(store, archive)
    store.put({f"seed/2/{CLASS}": archive.vault_seed(made := make_certificate(archive.rosters["acme"], 2)).reveal()})
    assert again.learn([], [sign_certificate(lost), sign_certificate(made)]) == 1
    again.require_whole()
    again.learn([], [sign_certificate(other)])  # another key that is gone was never accepted
    assert again.trouble().endswith(f"it lacks the key of epoch 3, class {CLASS}.")


def test_a_key_of_the_vault_before_it_is_none_that_it_lost(tmp_path: Path) -> None:
    archive = Archive()
    keyring = keyring_on(older_store(tmp_path / "new"), archive, own="acme/vault-2")
    assert keyring.learn([], [sign_certificate(archive.certify())]) == 0
    assert keyring.trouble() == ""


@pytest.fixture
def matter() -> Matter:
    return Matter()


@pytest.fixture
def forgetful(matter: Matter, tmp_path: Path) -> VaultUnderTest:
    """An older copy of a vault whose release was logged meanwhile."""
    (tmp_path / "now").mkdir()
    (tmp_path / "older").mkdir()
    vault = make_vault(matter.archive, tmp_path / "now", lambda: matter.now_ms)
    older = make_vault(matter.archive, tmp_path / "older", lambda: matter.now_ms)
    answer = vault.releaser.release(asked(matter))
    matter.audit.post("vault-release", answer.release, matter.now_ms)
    matter.now_ms += HOUR
    vault.releaser._require_remembered(matter.input())
    assert vault.keyring.trouble() == ""
    assert vault.releaser.release(asked(matter)) == answer
    return older


def test_a_release_of_its_own_that_it_forgot_ends_its_releases(matter: Matter, forgetful: VaultUnderTest) -> None:
    with pytest.raises(StateError, match="a release of its own"):
        forgetful.releaser.release(asked(matter))


@pytest.mark.parametrize("meets_a_case", [True, False])
def test_a_forgotten_release_that_was_accepted_ends_nothing_later(
    matter: Matter, forgetful: VaultUnderTest, meets_a_case: bool
) -> None:
    matter.archive.now_ms = matter.now_ms
    let = started(forgetful, matter, accept_older=True)
    if meets_a_case:
        assert let.releaser.release(asked(matter)).release
    plain = started(forgetful, matter)
    plain.releaser._require_remembered(matter.input())
    assert plain.releaser.release(asked(matter)).release
    assert plain.keyring.trouble() == ""


def test_what_is_forgotten_after_the_leave_is_noticed_again(
    matter: Matter, forgetful: VaultUnderTest, tmp_path: Path
) -> None:
    matter.archive.now_ms = matter.now_ms
    started(forgetful, matter, accept_older=True)
    later = VaultRelease(b"\1" * 32, b"\2" * 64, 0, (), b"\3" * 64)
    matter.now_ms += HOUR
    matter.audit.post("vault-release", sign(later, "acme/vault"), matter.now_ms - MINUTE)
    with pytest.raises(StateError, match="a release of its own"):
        started(forgetful, matter).releaser.release(asked(matter))


def test_nobody_elses_leaf_stops_the_vault(matter: Matter, tmp_path: Path) -> None:
    vault = make_vault(matter.archive, tmp_path, lambda: matter.now_ms)
    alien = VaultRelease(b"\1" * 32, b"\2" * 64, 0, (), b"\3" * 64)
    for text in (sign(alien, "acme/amos"), sign(alien, "acme/vault-before"), alien.sign([])):
        matter.audit.post("vault-release", text, matter.now_ms - MINUTE)
    for text in (b"", b"no statement", vault.releaser.release(asked(matter)).release):
        matter.audit.texts[-1] = text  # withheld, broken, or its own of another leaf
        vault.releaser._require_remembered(matter.input())
    assert vault.keyring.trouble() == ""


def test_the_package_for_the_vault_brings_its_newest_release_alone(matter: Matter) -> None:
    def release(number: int) -> VaultRelease:
        return VaultRelease(bytes([number]) * 32, b"\2" * 64, 0, (), b"\3" * 64)

    def posted(number: int, signer: str) -> int:
        return matter.audit.post("vault-release", sign(release(number), signer), matter.now_ms - MINUTE)

    posted(1, "acme/vault")
    newest = posted(2, "acme/vault")
    posted(3, "acme/amos")
    package = matter.package()
    for item in package.audit_leaves:
        item.dsse = b""
    full = with_newest_vault_release(package, replica_of(matter))
    assert [item.index for item in full.audit_leaves if item.dsse] == [newest]
    assert full.audit_leaves[newest].dsse == sign(release(2), "acme/vault")
