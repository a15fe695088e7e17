"""Every rule of the protocol's "must be refused" list: its id, what it refuses, what to do about it.

The table in docs/protocol.md is held against this one by a test, and each rule's negative test carries
`@pytest.mark.rule(Rule.X)`; `make mutate` turns each rule's checks off in turn and demands that its test fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple

from tapeline.base.errors import TapelineError


class RuleText(NamedTuple):
    """What stands in the table for one rule."""

    id: str
    refuses: str
    remedy: str
    retryable: bool = False


_ALTERED = "The object was altered or made by faulty software: discard it and report the sender."
_REFRESH = "Fetch the newest directory leaves, then try again."
_UPGRADE = "Use an unmodified client."


class Rule(Enum):
    """One member for each rule; the value is its row of the table."""

    # --- group and encodings -------------------------------------------------------------------------------------
    GROUP_POINT = RuleText("GRP-1", "a point that is not canonical, has torsion, or is the identity", _ALTERED)
    GROUP_SCALAR = RuleText("GRP-2", "a scalar that is zero or not below the group order", _ALTERED)
    WIRE_CANONICAL = RuleText("WIR-1", "bytes that deterministic re-serialisation does not reproduce", _ALTERED)
    WIRE_UNKNOWN = RuleText("WIR-2", "unknown fields in a signed or hashed structure", "Update this software.")
    WIRE_SIZE = RuleText("WIR-3", "an object, field or integer beyond its limit, or of a wrong length", _ALTERED)
    SIGNATURE = RuleText("SIG-1", "a signature that does not verify for its kind, bytes and key", _ALTERED)

    # --- devices, prekeys, membership ----------------------------------------------------------------------------
    DEVICE_ISSUER = RuleText(
        "DEV-1",
        "a device entry signed neither by the firm's enroller nor by a device of the user",
        "Enrol the device with the enroller.",
    )
    DEVICE_TENANT = RuleText("DEV-2", "an entry of another deployment, firm or user than its issuer may sign", _ALTERED)
    DEVICE_EXPIRED = RuleText(
        "DEV-3",
        "an entry that is expired or not yet valid, or ends later than the device that issued it",
        "Enrol the device again.",
    )
    DEVICE_LEFT = RuleText(
        "DEV-4",
        "a device entry of a user who has left the firm",
        "Ask the officers to readmit the user: tapeline officer readmit.",
    )
    PREKEY_POSSESSION = RuleText("PRE-1", "a prekey without a valid proof of possession of its group half", _ALTERED)
    PREKEY_SEALABLE = RuleText("PRE-2", "a prekey that no one can seal to", "Publish a fresh prekey.")
    PREKEY_LIFETIME = RuleText("PRE-3", "a prekey that is expired or valid for more than 30 days", _REFRESH)
    PREKEY_OWNER = RuleText("PRE-4", "a prekey for another device, user or deployment than its signer's", _ALTERED)
    PREKEY_DISTINCT = RuleText(
        "PRE-5", "a prekey equal to another prekey or to an escrow key", "Publish a fresh prekey."
    )
    MEMBERSHIP_CHAIN = RuleText(
        "MEM-1",
        "a membership statement that does not extend the conversation's newest one",
        _REFRESH,
        True,
    )
    MEMBERSHIP_SIGNER = RuleText(
        "MEM-2",
        "a membership statement signed without the right to do so",
        "Ask a member with the right.",
    )
    MEMBERSHIP_PEOPLE = RuleText(
        "MEM-3", "a membership statement that names an unknown user or a doubled one", _REFRESH
    )
    MEMBERSHIP_FIRMS = RuleText(
        "MEM-4",
        "a membership statement whose firms or classes are not those of its members",
        _REFRESH,
    )

    # --- escrow keys, receipts -----------------------------------------------------------------------------------
    ESCROW_CERTIFICATE = RuleText(
        "ESC-1",
        "an escrow key that is not certified by all its custodians and the officers' quorum",
        "Wait for the ceremony's certificate.",
    )
    RESERVATION_BINDING = RuleText(
        "RES-1",
        "a reservation of another suite, deployment, firm set, device or session than the record",
        _ALTERED,
    )
    RESERVATION_EXPIRED = RuleText("RES-2", "a reservation that is expired or lasts more than 7 days", "Reserve again.")
    RESERVATION_REUSED = RuleText("RES-3", "a reservation, session id or cq used twice", "Reserve again.")
    RECEIPT_BINDING = RuleText("RCP-1", "a receipt for another reservation, vault key, cq or slot", _ALTERED)
    RECEIPT_SIGNATURE = RuleText("RCP-2", "a receipt that the firm's vault did not sign", _ALTERED)
    RECEIPT_SET = RuleText("RCP-3", "a record without exactly one receipt for each firm", _UPGRADE)
    VAULT_SLOT = RuleText(
        "VLT-1",
        "a vault slot that does not open to the q that cq commits to",
        "Make the slot again.",
    )
    VAULT_SLOT_HASH = RuleText("VLT-2", "a vault slot other than the one its receipt names", _ALTERED)

    # --- the session record --------------------------------------------------------------------------------------
    REC_DEPLOYMENT = RuleText("REC-1", "a record of another suite, deployment or conversation", _ALTERED)
    REC_SENDER = RuleText("REC-2", "a record whose sender device is unknown, expired, or no member", _REFRESH)
    REC_FIRMS = RuleText("REC-3", "an escrow row missing, doubled, or of a firm that is not a member's", _UPGRADE)
    REC_ESCROW_KEY = RuleText(
        "REC-4",
        "an escrow row under a key that is not the firm's certified, current key of the class",
        _REFRESH,
        True,
    )
    REC_GHOST_ROW = RuleText("REC-5", "a row for a device that is not a member's, or for an unlogged prekey", _UPGRADE)
    REC_MISSING_ROW = RuleText("REC-6", "a record that leaves out a member's current device", _REFRESH, True)
    REC_STALE_PREKEY = RuleText(
        "REC-7",
        "a row under a prekey that is expired, or superseded more than 24 hours before",
        _REFRESH,
        True,
    )
    REC_ORDER = RuleText(
        "REC-8",
        "rows that are doubled or not sorted, or shards of a wrong size or number",
        _UPGRADE,
    )
    REC_PROOF = RuleText("REC-9", "a proof that the same secret is in every row, which does not verify", _UPGRADE)
    REC_ROW_KEY = RuleText("REC-10", "a row whose point is not the one of the prekey or escrow key it names", _UPGRADE)
    REC_SIGNATURE = RuleText("REC-11", "a record whose signature is not its sender device's", _ALTERED)
    REC_C0_REUSED = RuleText("REC-12", "a C0 that an earlier record used", "Make the record with fresh randomness.")
    REC_NOTE = RuleText("REC-13", "a record whose archive note is not cosigned, or lies in another log", _REFRESH)
    REC_NOTE_AGE = RuleText(
        "REC-14",
        "a record whose archive note is later than its leaf, or over 10 minutes older",
        _REFRESH,
        True,
    )
    REC_WINDOW = RuleText(
        "REC-15",
        "a record valid for more than 24 hours, or not from within 10 minutes of its leaf",
        "Open a session anew.",
    )
    REC_MEMBERSHIP_OLD = RuleText("REC-16", "a record under a superseded membership statement", _REFRESH, True)
    REC_REVOKED = RuleText("REC-17", "a record with a device, escrow key or vault key that is revoked", _REFRESH, True)
    REC_CLASS = RuleText("REC-18", "a record of another retention class than the conversation's", _REFRESH)
    REC_VAULT_KEY = RuleText("REC-19", "a vault key that is not the one certified with the escrow key", _REFRESH)
    REC_SHARD_HASH = RuleText("REC-20", "rows or slot hashes other than those the shard hash commits to", _ALTERED)
    REC_OWN_ROW = RuleText("REC-21", "a record with no row, or no right row, for the device that reads it", _UPGRADE)
    REC_BACKDATED = RuleText(
        "REC-22",
        "a leaf dated before a checkpoint that lacks it, or long after one that holds it",
        "Keep the checkpoint and complain: the log's operator dates its entries falsely.",
    )
    REC_INCLUSION = RuleText(
        "REC-23",
        "a leaf whose inclusion in the cosigned log is not proven",
        "Keep the object and complain: the log's operator hides or forges entries.",
    )
    REC_MEMBERSHIP_VIEW = RuleText(
        "REC-24",
        "a record under a membership statement that is later than its archive note",
        _REFRESH,
        True,
    )
    REC_DIRECTORY = RuleText(
        "REC-25",
        "a record whose sender knew another number of directory leaves below its note than there are",
        _REFRESH,
        True,
    )
    OPEN_SECRET = RuleText("OPN-1", "an opened row whose secret is the identity or does not match", "Complain.")
    OPEN_HYBRID = RuleText("OPN-2", "an opened slot whose q does not match cq", "Complain.")

    # --- messages ------------------------------------------------------------------------------------------------
    MSG_SESSION = RuleText("MSG-1", "a message of an unknown, ended or foreign session", "Open a session anew.", True)
    MSG_INDEX = RuleText(
        "MSG-2",
        "a message whose index leaves a gap, or lies past the session's 256",
        "Send the missing message first.",
        True,
    )
    MSG_PREVIOUS = RuleText("MSG-3", "a message whose previous hash is not the session's last message", _ALTERED)
    MSG_FORK = RuleText("MSG-4", "a second ciphertext at a used index", _UPGRADE)
    MSG_SIGNATURE = RuleText("MSG-5", "a message that its session's device did not sign", _ALTERED)
    MSG_COMMITMENT = RuleText("MSG-6", "a message whose key is not the one its header commits to", "Complain.")
    MSG_PADDING = RuleText("MSG-7", "a body with padding other than Padmé's zeros, or undecodable", "Complain.")
    MSG_AEAD = RuleText("MSG-8", "a ciphertext that does not open under its header", "Complain.")

    # --- leaves, acks, logs --------------------------------------------------------------------------------------
    ACK_SIGNATURE = RuleText(
        "ACK-1",
        "an acknowledgement that the relay's log key did not sign",
        "Send again; if it stays, complain.",
    )
    LEAF_TAG = RuleText("LEF-1", "a leaf whose tag, type or hash is not that of its object", "Complain.")
    LEAF_SEQUENCE = RuleText("LEF-2", "conversation sequences with a gap or a repeat", "Complain.")
    LEAF_TIME = RuleText("LEF-3", "leaf times that decrease", "Complain.")
    LEAF_DIRECTORY = RuleText(
        "LEF-4",
        "directory leaves whose sequence has a gap or a repeat",
        "Complain: the relay withholds a leaf of the directory. Nothing behind it is taken.",
    )
    LEAF_TEXT = RuleText(
        "LEF-5",
        "an object of the directory other than the one that was logged, its signatures included",
        "Complain: the relay shows another text than it logged. Nothing behind it is taken.",
    )
    NOTE_SYNTAX = RuleText("LOG-1", "a note or checkpoint that is not of the exact C2SP form", _ALTERED)
    NOTE_SIGNATURE = RuleText("LOG-2", "a checkpoint that the log did not sign", _ALTERED)
    NOTE_QUORUM = RuleText(
        "LOG-3",
        "a checkpoint without the policy's quorum of witness cosignatures",
        "Wait for witnesses.",
        True,
    )
    LOG_INCLUSION = RuleText("LOG-4", "an inclusion proof that does not lead to the checkpoint's root", _ALTERED)
    LOG_CONSISTENCY = RuleText(
        "LOG-5",
        "two checkpoints of which one does not extend the other",
        "Keep both: the log forked.",
    )
    POLICY_SYNTAX = RuleText("LOG-6", "a policy or proof text that is not of the exact C2SP form", _ALTERED)

    # --- ceremony and partial decryption -------------------------------------------------------------------------
    DKG_COMMITMENTS = RuleText("DKG-1", "other than exactly t commitments", "Abort; the culprit is named.")
    DKG_INDEX = RuleText("DKG-2", "participant index 0, doubled, or above n", "Abort; the culprit is named.")
    DKG_POSSESSION = RuleText(
        "DKG-3",
        "a commitment without proof of possession of its constant term",
        "Abort; the culprit is named.",
    )
    DKG_SHARE = RuleText("DKG-4", "a share that fails Feldman's check", "Abort; the culprit is named.")
    DKG_TRANSCRIPT = RuleText(
        "DKG-5", "a success signature over another view of round 1", "Abort: two views of round 1."
    )
    DKG_THRESHOLD = RuleText("DKG-6", "a threshold outside 2 ≤ t ≤ n", "Choose a threshold within the bounds.")
    DKG_ROUND1 = RuleText(
        "DKG-7",
        "a round-1 message not signed by its custodian, or of another ceremony",
        "Abort; the culprit is named.",
    )
    ACTIVATION = RuleText(
        "DKG-8",
        "an activation answer that does not prove a working share",
        "Restore the share and answer again.",
    )
    PARTIAL_PROOF = RuleText(
        "PAR-1",
        "a partial decryption whose proof does not verify",
        "Ask the named custodian again.",
    )
    PARTIAL_CONTEXT = RuleText(
        "PAR-2",
        "a partial for another warrant, record or certificate",
        "Ask the named custodian again.",
    )
    PARTIAL_COUNT = RuleText("PAR-3", "fewer than t partials, or a doubled custodian", "Wait for more custodians.")
    BUNDLE_KEY = RuleText("PAR-4", "a bundle sealed to another key than the case's", "Ask the named custodian again.")

    # --- governance ----------------------------------------------------------------------------------------------
    DSSE_SIGNATURE = RuleText("GOV-1", "a statement without a valid signature of the person it names", _ALTERED)
    DSSE_SYNTAX = RuleText("GOV-2", "a statement that is not of its exact form", _ALTERED)
    ROSTER_CHAIN = RuleText(
        "GOV-3",
        "a roster that the quorums of its predecessor and its own did not sign",
        "See who signed it and what it follows: tapeline officer show FILE --previous ROSTER.",
    )
    ROSTER_DELAY = RuleText(
        "GOV-4",
        "a change of approvers or witnesses before its delay has passed",
        "Wait for the delay.",
    )
    ROSTER_EXPIRED = RuleText("GOV-5", "a warrant under an expired roster", "Have the officers sign a new roster.")
    CASE_SIGNATURE = RuleText(
        "GOV-6",
        "a case that no reviewer of the roster signed, or is expired or ill-formed",
        "File the case again.",
    )
    APPROVAL_ROLE = RuleText("GOV-7", "an approval by one who is no approver", "Ask an approver of the roster.")
    APPROVAL_SELF = RuleText(
        "GOV-8",
        "an approval by the requester, a subject or a reviewer",
        "Ask an uninvolved approver.",
    )
    APPROVAL_QUORUM = RuleText(
        "GOV-9", "too few people, or too few groups, among the approvals", "Collect more approvals."
    )
    APPROVAL_CASE = RuleText("GOV-10", "an approval of another case, or an expired one", "Approve this case.")
    GATE_CHECKPOINT = RuleText(
        "GAT-1",
        "an audit checkpoint that is stale, lacks witnesses, or is inconsistent",
        "Fetch a fresh checkpoint.",
        True,
    )
    GATE_REVOKED = RuleText("GAT-2", "a case, approval, warrant, key or person that is revoked", "The warrant is void.")
    GATE_MANIFEST = RuleText(
        "GAT-3",
        "a manifest not signed by the relay, or over an uncosigned archive",
        "Ask for a new manifest.",
    )
    GATE_SCOPE = RuleText("GAT-4", "a session outside the case's scope", "Ask only for sessions in scope.")
    GATE_WARRANT = RuleText(
        "GAT-5",
        "a warrant that is no leaf, names other hashes, or is expired",
        "Ask for a new warrant.",
    )
    GATE_DELAY = RuleText("GAT-6", "a warrant whose publication delay has not passed", "Wait for the delay.", True)
    GATE_RECORD = RuleText("GAT-7", "a session whose record does not verify", "Report the relay.")
    GATE_C0 = RuleText("GAT-8", "a C0 that was answered for another record", "Report the requester.")
    GATE_CONSENT = RuleText(
        "GAT-9",
        "a release that neither a person nor the agent's policy allowed",
        "Confirm on the agent.",
    )
    GATE_ONCE = RuleText(
        "GAT-10",
        "a second, different release of a session for one warrant",
        "Use the first bundle.",
    )
    GATE_CLOCK = RuleText(
        "GAT-11",
        "a witnessed time that lies behind the last seen or far from the own clock",
        "Set the clock.",
        True,
    )
    GATE_STANDING = RuleText(
        "GAT-12",
        "a warrant whose approvals no longer stand: one was rejected, withdrawn, or followed by another",
        "Collect the approvals again, then ask for a new warrant: tapeline reviewer warrant.",
    )
    GATE_CLOSED = RuleText(
        "GAT-13",
        "a case that is closed",
        "A closed case stays closed: file a new one with tapeline reviewer file.",
    )
    RELEASE_BINDING = RuleText(
        "REL-1",
        "a bundle whose release is not logged, or names another bundle, case or warrant",
        "Wait for the log, or ask again.",
    )

    @property
    def id(self) -> str:
        """Return the id as it is printed and sent over the wire."""
        return self.value.id


_BY_ID = {rule.value.id: rule for rule in Rule}


def rule_by_id(identifier: str) -> Rule | None:
    """Return the rule of that id, or None where this version knows none."""
    return _BY_ID.get(identifier)


class Refused(TapelineError):
    """A rule of the protocol was broken; `rule` says which, `culprit` by whom where that is proven."""

    def __init__(self, rule: Rule, cause: str, *, culprit: str | None = None) -> None:
        super().__init__(f"{cause} [{rule.id}]", rule.value.remedy, retryable=rule.value.retryable)
        self.rule = rule
        self.culprit = culprit


def require(condition: bool, rule: Rule, cause: str, *, culprit: str | None = None) -> None:
    """Raise `Refused` unless the condition holds; the mutation run rewrites calls of this name."""
    if not condition:
        raise Refused(rule, cause, culprit=culprit)


@contextmanager
def refusing(rule: Rule, cause: str, *, culprit: str | None = None) -> Iterator[None]:
    """Turn an error of the checks inside into a refusal under `rule`; bind no values inside."""
    try:
        yield
    except (TapelineError, ValueError) as error:
        raise Refused(rule, cause, culprit=culprit) from error
