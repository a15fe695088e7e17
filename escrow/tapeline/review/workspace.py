"""What a reviewer does: file a case, have its warrant issued, see where it stands, report, close."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from tapeline.agent.desk import Desk
from tapeline.agent.package import warrants_of, with_newest_vault_release
from tapeline.base.errors import StateError, TapelineError
from tapeline.base.seam import system_clock
from tapeline.base.times import Clock, Rng
from tapeline.crypto.record.parse import parse_record
from tapeline.custodian.answer import carried
from tapeline.governance.case import Case, case_signers
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.closing import Closing, Disposition, Export
from tapeline.governance.dsse import signer
from tapeline.governance.opening import Opening
from tapeline.governance.person import Person
from tapeline.review.casekeys import CaseKeys
from tapeline.review.drafting import CaseDraft, make_case
from tapeline.review.opening import Opened, archive_of, fetch_package, open_case
from tapeline.review.status import CaseStatus, approval_texts, case_status
from tapeline.wire.v1.escrow_pb2 import VaultReleaseRequest, WarrantPackage


@dataclass(frozen=True)
class Workspace:
    """One reviewer's workspace.

    Attributes:
        desk: connections and replicas.
        keys: of the cases filed here.
        rng, clock: randomness and time.
        build: software and version, for the opening's self-report.
    """

    desk: Desk
    keys: CaseKeys
    rng: Rng
    build: str
    clock: Clock = system_clock

    def file(self, draft: CaseDraft) -> bytes:
        """Make, sign and post a case, and return its hash; its key is stored before the case is posted."""
        self.desk.me()
        case, key = make_case(draft, self.desk.audit.roster.organisation, self.clock(), self.rng)
        self.keys.keep(case.statement_hash, key)
        self.desk.board.post(case.kind, case.sign([signer(self.desk.key.signing)]))
        return case.statement_hash

    def status(self, case_hash: bytes) -> CaseStatus:
        """Return where a case stands and what is missing."""
        self.desk.audit.sync(self.desk.board)
        certificates = self._certificates(case_hash) if warrants_of(self.desk.audit, case_hash) else []
        return case_status(self.desk.audit, case_hash, certificates, self.clock())

    def obtain_warrant(self, case_hash: bytes) -> int:
        """Have the relay freeze the manifest and the board issue the warrant; return its audit index.

        Raises:
            StateError: approvals are missing.
            Refused: as relay or board told.
        """
        status = self.status(case_hash)
        if status.ended:
            raise StateError(f"The case is {status.ended}.", "File a new case: tapeline reviewer file.")
        if len(status.approved_by) < status.approvals_needed or len(status.groups) < status.groups_needed:
            raise StateError(
                f"The case is not approved: {'; '.join(status.missing)}.",
                "See: tapeline reviewer status.",
            )
        entry = self.desk.audit.find(case_hash)
        text = entry.dsse if entry is not None else b""
        approvals = approval_texts(self.desk.audit, case_hash, self.clock())
        manifest = self.desk.relay.freeze_manifest(text, approvals)
        return self.desk.board.issue_warrant(case_hash, manifest).index

    def ask_vault(self, case_hash: bytes) -> int:
        """Have the vault release q of the warrant's sessions; return the release's audit index."""
        package = with_newest_vault_release(fetch_package(self.desk, case_hash), self.desk.audit)
        return self.desk.board.ask_vault(VaultReleaseRequest.FromString(self._carried(package))).index

    def package(self, case_hash: bytes) -> bytes:
        """Return the file that is carried to an air-gapped custodian."""
        return self._carried(fetch_package(self.desk, case_hash))

    def open(self, case_hash: bytes) -> Opened:
        """Open what was released so far."""
        before = self.keys.memory()
        opened = open_case(self.desk, case_hash, self.keys.get(case_hash), before, self.clock)
        self.keys.remember(before, opened.before.memory)
        return opened

    def report(self, opened: Opened) -> int:
        """Post the opening's self-report and return its audit index."""
        me, before = self.desk.me(), opened.before
        opening = Opening(
            case=before.case.statement_hash,
            warrant_leaf=before.warrant_leaf,
            reviewer=me.id,
            record_hashes=tuple(sorted(session.record_hash for session in opened.sessions)),
            messages=opened.completeness.read,
            opened_ms=self.clock(),
            build=self.build,
        )
        return self.desk.board.post(opening.kind, opening.sign([signer(self.desk.key.signing)])).index

    def close(
        self,
        case_hash: bytes,
        result: str,
        dispositions: tuple[Disposition, ...] = (),
        exports: tuple[Export, ...] = (),
    ) -> int:
        """Destroy the case's key, then post the closing that says so; return its audit index.

        Raises:
            StateError: the case is closed already, or another reviewer's: nothing is destroyed in vain.
        """
        me = self.desk.me()
        self._require_mine(case_hash, me)
        self.keys.destroy(case_hash)
        closing = Closing(
            case=case_hash,
            reviewer=me.id,
            result=result,
            dispositions=dispositions,
            exports=exports,
            key_destroyed=True,
            closed_ms=self.clock(),
        )
        return self.desk.board.post(closing.kind, closing.sign([signer(self.desk.key.signing)])).index

    def _require_mine(self, case_hash: bytes, me: Person) -> None:
        entry = self.desk.audit.find(case_hash)
        if self.desk.audit.standing(case_hash, self.clock()).closed is not None:
            raise StateError("The case is closed already.", "It stays closed; to go on, file a new one.")
        chain, filed = self.desk.audit.chain, Case.envelope(entry.dsse if entry is not None else b"")
        rosters = [chain.at(version) for version in range(1, len(chain) + 1)]
        if all(me.id != person.id for roster in rosters for person in case_signers(filed, roster)):
            raise StateError("Another reviewer filed this case.", "Ask them, or have the officers revoke it.")

    def _carried(self, package: WarrantPackage) -> bytes:
        return carried(archive_of(self.desk, package), package)

    def _certificates(self, case_hash: bytes) -> list[EscrowCertificate]:
        """Return the certificates of the escrow keys that the warrant's sessions are sealed to."""
        package = fetch_package(self.desk, case_hash)
        directory = archive_of(self.desk, package).state
        firm = self.desk.founding.organisation
        found: dict[bytes, EscrowCertificate] = {}
        for one in package.records:
            with suppress(TapelineError):  # an unsound record is for the gate to leave out
                rows = parse_record(one.record).header.escrow_rows
                ids = [row.key_id for row in rows if row.firm == firm]
                found.update((key_id, directory.certificate_of(key_id)) for key_id in ids)
        return sorted(found.values(), key=lambda certificate: (certificate.epoch, certificate.retention_class))
