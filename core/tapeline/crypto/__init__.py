"""Sealing, proofs, distributed key generation and partial decryption: bytes in, bytes out, no I/O."""
