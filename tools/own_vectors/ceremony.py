"""ceremony.json: key generation, key ids, activation, accusations."""

from __future__ import annotations

from own_vectors.ceremony_run import CLASS, CeremonyRun
from own_vectors.form import Document, Stream, Value, flipped
from own_vectors.story import T0, Firm, Story
from tapeline.base.times import DAY
from tapeline.crypto.ceremony import sign_round1
from tapeline.crypto.cocktail.accusation import accuse
from tapeline.crypto.cocktail.deal import deal_polynomial
from tapeline.crypto.cocktail.round1 import Round1Message
from tapeline.crypto.cocktail.shares import Channel, ChannelSecrets, seal_share
from tapeline.crypto.group import Scalar
from tapeline.crypto.words import fingerprint_words
from tapeline.governance.certificate import CertifiedCustodian, EscrowCertificate
from tapeline.governance.dsse import signer


def document(story: Story) -> Document:
    """Return the file."""
    acme = story.firms["acme"]
    return {
        "description": "Two key generations with all secrets, the ids of escrow and vault keys, activation answers, "
        "acme's certificate, and an accusation (protocol, sections 3, 7, 10). Messages of COCKTAIL-DKG are its own "
        "format; the formulas around them are Tapeline's.",
        "cases": [_case(firm) for firm in story.firms.values()],
        "certificate": certificate(story, acme).decode(),
        "accusations": _accusations(acme.ceremony),
        "refused": _refused(acme.ceremony),
    }


def _case(firm: Firm) -> Value:
    run, parameters = firm.ceremony, firm.ceremony.parameters
    transcript = run.outcomes[0].transcript
    return {
        "name": firm.name,
        "deployment": parameters.deployment,
        "roster_hash": parameters.roster_hash.hex(),
        "epoch": parameters.epoch,
        "retention_class": parameters.retention_class,
        "threshold": parameters.threshold,
        "attempt": parameters.attempt,
        "parameters": parameters.encode().hex(),
        "custodians": [_custodian(run, index) for index in run.messages],
        "session_id": run.setup.session_id.hex(),
        "context": run.setup.context.hex(),
        "extension": run.extension.hex(),
        "transcript": transcript.encode().hex(),
        "transcript_hash": transcript.digest().hex(),
        "escrow_key": run.escrow_key.hex(),
        "escrow_key_id": run.key_id.hex(),
        "escrow_key_words": list(fingerprint_words("escrow-key", run.escrow_key)),
        "v_seed": firm.vault.seed.reveal().hex(),
        "v_key_id": firm.v_key_id.hex(),
        "vault_signer": firm.vault_signer.public.hex(),
    }


def _custodian(run: CeremonyRun, index: int) -> Value:
    one, outcome = run.announcements[index - 1], run.outcomes[index - 1]
    challenge, answer = run.activations[index - 1]
    return {
        "id": run.custodians[index - 1],
        "roster_key": run.roster_keys[index - 1].public.hex(),
        "host_secret": run.hosts[index - 1].to_bytes().hex(),
        "host_key": one.host_key.encode().hex(),
        "nonce": one.nonce.hex(),
        "announcement_signature": run.announcement_signatures[index - 1].hex(),
        "round1": run.signed[index - 1].hex(),
        "share": outcome.share.secret.to_bytes().hex(),
        "verification_share": outcome.share.public.encode().hex(),
        "success_signature": run.success[index - 1].hex(),
        "activation_nonce": challenge.nonce.hex(),
        "activation_c0": challenge.c0.encode().hex(),
        "activation_answer": answer.encode().hex(),
        "activation_hash": run.activation_hash(index).hex(),
    }


def certificate(story: Story, firm: Firm) -> bytes:
    """Return the envelope of a firm's certificate, signed by its custodians."""
    run = firm.ceremony
    custodians = tuple(
        CertifiedCustodian(
            name, index, outcome.share.public.encode(), run.announcements[index - 1].host_key.encode(),
            run.success[index - 1], run.activation_hash(index),
        )
        for index, (name, outcome) in enumerate(zip(run.custodians, run.outcomes, strict=True), 1)
    )  # fmt: skip
    made = EscrowCertificate(
        deployment=story.deployment, firm=firm.name, epoch=1, retention_class=CLASS, threshold=run.parameters.threshold,
        roster=run.parameters.roster_hash, custodians=custodians, escrow_key=run.escrow_key,
        transcript=run.outcomes[0].transcript.encode(), escrow_key_id=run.key_id,
        v_public=firm.vault.public().encode(), v_key_id=firm.v_key_id, active_from_ms=T0 - DAY,
        not_after_ms=T0 + 365 * DAY,
    )  # fmt: skip
    return made.sign([signer(key) for key in run.roster_keys])


def _accusations(run: CeremonyRun) -> list[Value]:
    """Dealer 2 sends custodian 1 a share of another polynomial; and a false accusation of dealer 3."""
    false = _false_message(run)
    rng = Stream("accusation")
    right = accuse(run.setup, run.hosts[0], 2, false, rng)
    wrong = accuse(run.setup, run.hosts[0], 3, run.messages[3], rng)
    rows = (("a false share", right, false, True), ("a share that holds", wrong, run.messages[3], False))
    return [
        {"name": name, "guilty": guilty, "accusation": one.encode().hex(),
         "round1": sign_round1(run.roster_keys[one.accused - 1], run.setup, one.accused, message.encode()).hex()}
        for name, one, message, guilty in rows
    ]  # fmt: skip


def _false_message(run: CeremonyRun) -> Round1Message:
    rng, dealer = Stream("false dealer"), 2
    ephemeral = Scalar.random(rng)
    message = deal_polynomial(run.setup, run.hosts[dealer - 1], [Scalar.random(rng), Scalar.random(rng)], ephemeral, {})
    to, own = run.setup.host_key(1), run.setup.host_key(dealer)
    secrets = ChannelSecrets(to.mul(ephemeral), to.mul(run.hosts[dealer - 1]))
    channel = Channel(ephemeral.base_mul(), own, to, run.setup.context)
    spoiled = seal_share(secrets, channel, Scalar.random(rng), b"")
    return Round1Message(
        message.commitments, message.possession, message.ephemeral, (spoiled, *message.ciphertexts[1:])
    )


def _refused(run: CeremonyRun) -> list[Value]:
    challenge, answer = run.activations[0]
    encoded = answer.encode()
    rows = {
        "activation: another nonce": (flipped(challenge.nonce), "carl", encoded),
        "activation: another custodian": (challenge.nonce, "cleo", encoded),
        "activation: another response": (challenge.nonce, "carl", encoded[:-1] + bytes([encoded[-1] ^ 1])),
    }
    return [
        {
            "name": name,
            "rule": "DKG-8",
            "share_of": 1,
            "nonce": nonce.hex(),
            "custodian": custodian,
            "answer": one.hex(),
        }
        for name, (nonce, custodian, one) in rows.items()
    ]
