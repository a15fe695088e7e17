"""Tapeline's formulas in plain Python, following docs/protocol.md; what that lacks is a fault of the document.

Nothing here imports Tapeline. Hashes are hashlib's and hmac's, the group is integer arithmetic, the wire format is read
by hand. ML-KEM, X25519 and ChaCha20-Poly1305, which have published vectors of their own, come from `cryptography`.
Slow, and not constant in time: it checks vectors and is no library.
"""


class Refusal(Exception):
    """What the protocol refuses, by the id of its rule; "malformed" where no rule has one."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def demand(holds: bool, rule: str) -> None:
    if not holds:
        raise Refusal(rule)
