"""opening.json: partials, their combination, the sealed bundles of a case."""

from __future__ import annotations

from own_vectors.ceremony import certificate
from own_vectors.form import Document, Stream, Value, flipped
from own_vectors.records import make_session
from own_vectors.story import T0, Story
from tapeline.agent.bundle import bundle_info
from tapeline.base.times import DAY, HOUR
from tapeline.crypto.combine import combine
from tapeline.crypto.hpke_open import HpkePrivate
from tapeline.crypto.partial import Partial, PartialContext, make_partial, verify_partial
from tapeline.crypto.wire import encode
from tapeline.governance.auditleaf import make_audit_leaf
from tapeline.governance.case import Case, Subject, Window
from tapeline.governance.certificate import EscrowCertificate
from tapeline.governance.dsse import parse_envelope, signer
from tapeline.governance.release import bundle_hash
from tapeline.governance.warrant import Warrant
from tapeline.transparency.merkle import leaf_hash
from tapeline.wire.v1.escrow_pb2 import PartialBundle, SessionPartial, SessionQ, VaultBundle


def document(story: Story) -> Document:
    """Return the file."""
    session, firm, rng = make_session(story, "genesis", "record"), story.firms["acme"], Stream("opening")
    header = session.parsed.header
    key = HpkePrivate.generate(rng)
    case = _case(key)
    warrant = Warrant(case.statement_hash, (bytes(64),), bytes(range(64)), T0 + HOUR, T0 + 30 * DAY)
    envelope = warrant.sign([signer(firm.vault_signer)])
    leaf = make_audit_leaf(parse_envelope(envelope, Warrant.kind), T0 + HOUR)
    certificate_hash = parse_envelope(certificate(story, firm), EscrowCertificate.kind).statement_hash
    context = PartialContext(certificate_hash, header.record_hash, leaf_hash(leaf))
    partials = [make_partial(one.share, header.c0, context, rng) for one in firm.ceremony.outcomes]
    shares = [one.share.public for one in firm.ceremony.outcomes]
    verified = [verify_partial(one, shares, header.c0, context) for one in partials]
    row = header.escrow_rows[0]
    m = combine(row.sealed, header.c0, verified[:2], 2, context)
    assert m.encode() == session.created.m.reveal()
    return {
        "description": "The escrow's way to open the first case of records.json: two of acme's custodians and the "
        "vault answer a warrant, sealed to the key of the case (protocol, sections 8, 10).",
        "case_key_seed": key.seed.reveal().hex(),
        "case": case.sign([signer(firm.enroller)]).decode(),
        "case_signer": firm.enroller.public.hex(),
        "case_hash": case.statement_hash.hex(),
        "warrant": envelope.decode(),
        "warrant_audit_leaf": leaf.hex(),
        "warrant_leaf": context.warrant_leaf.hex(),
        "certificate_hash": certificate_hash.hex(),
        "record_hash": header.record_hash.hex(),
        "c0": header.c0.encode().hex(),
        "c_e": row.sealed.encode().hex(),
        "partials": [one.encode().hex() for one in partials],
        "threshold": 2,
        "m": m.encode().hex(),
        "q": session.pending.q.reveal().hex(),
        "root": session.created.root.reveal().hex(),
        "bundles": _bundles(story, case, context, partials[0], key, session.pending.q.reveal()),
        "refused": _refused(context, partials),
    }


def _case(key: HpkePrivate) -> Case:
    return Case(
        matter="M-1", purpose="Suspected insider dealing: \"λ\"\n\\ and a tab\tare spelled one way", legal_basis="",
        firm="acme", requester="gail", subjects=(Subject("acme", "ann"),), conversations=(),
        window=Window(T0, T0 + DAY), retention_class="",
        created_ms=T0 + HOUR, expires_ms=T0 + 30 * DAY, hpke_public=key.public().encode(),
    )  # fmt: skip


def _bundles(
    story: Story, case: Case, context: PartialContext, partial: Partial, key: HpkePrivate, q: bytes
) -> list[Value]:
    one = SessionPartial(
        record_hash=context.record_hash, partial=partial.encode(), certificate=context.certificate_hash
    )
    leaf = context.warrant_leaf
    of_carl = PartialBundle(warrant_leaf=leaf, custodian="carl", epoch=1, partials=[one])
    of_vault = VaultBundle(warrant_leaf=leaf, sessions=[SessionQ(record_hash=context.record_hash, q=q)])
    contents = (("carl", 1, encode(of_carl)), ("vault", 0, encode(of_vault)))
    rows: list[Value] = []
    for who, epoch, content in contents:
        info = bundle_info(case.statement_hash, context.warrant_leaf, who, epoch)
        kept = story.sealed.row(key.public(), info, content)
        hashed = bundle_hash(bytes.fromhex(str(kept["sealed"])))
        rows.append({"name": f"bundle of {who}", "who": who, "epoch": epoch, **kept, "bundle_hash": hashed.hex()})
    return rows


def _refused(context: PartialContext, partials: list[Partial]) -> list[Value]:
    first, second = partials[0].encode(), partials[1].encode()
    rows = {
        "of another index": first[:1].replace(b"\x01", b"\x02") + first[1:],
        "of index 0": bytes(4) + first[4:],
        "of index 4": b"\x04" + first[1:],
        "D of another custodian": first[:4] + second[4:36] + first[36:],
        "another response": flipped(first, 68),
    }
    cases: list[Value] = [
        {"name": f"partial: {name}", "rule": "PAR-1", "partial": one.hex(), "warrant_leaf": context.warrant_leaf.hex()}
        for name, one in rows.items()
    ]
    cases.append({
        "name": "partial: for another warrant", "rule": "PAR-1", "partial": first.hex(),
        "warrant_leaf": flipped(context.warrant_leaf).hex(),
    })  # fmt: skip
    cases += [
        {"name": "combination: one of two", "rule": "PAR-3", "combined": [0]},
        {"name": "combination: the same twice", "rule": "PAR-3", "combined": [0, 0]},
        {"name": "bundle: opened as another custodian's", "rule": "PAR-4", "bundle": 0, "who": "cleo", "epoch": 1},
        {"name": "bundle: opened for another epoch", "rule": "PAR-4", "bundle": 0, "who": "carl", "epoch": 2},
    ]
    return cases
