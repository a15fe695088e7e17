"""Merkle trees, tiles, signed notes, cosignatures, policies, proofs and the witness: no I/O, no secret but a signer."""
