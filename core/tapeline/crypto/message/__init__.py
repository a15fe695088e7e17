"""Messages of a session: a hash chain of signed headers over padded, committed ciphertexts (protocol, Messages)."""
