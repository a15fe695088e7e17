"""The session record: binding multi-recipient ElGamal with a TDH2 header (protocol, Session record)."""
