"""Sizes, counts and periods that the protocol fixes, each in one place; the parsers and the rules read them here."""

from __future__ import annotations

from tapeline.base.times import DAY, HOUR, MINUTE, SECOND

# --- fixed lengths, bytes ---
KEY_BYTES = 32
SALT_BYTES = 32
SESSION_ID_BYTES = 32
DEPLOYMENT_BYTES = 32
Q_BYTES = 32
TAG_BYTES = 16
PROOF_BYTES = 64
SIGNATURE_BYTES = 64
COMMITMENT_BYTES = 32
HPKE_PUBLIC_BYTES = 1184 + 32
"""ML-KEM-768 encapsulation key, then X25519 key (protocol, Keys)."""
HPKE_ENC_BYTES = 1088 + 32
SLOT_BYTES = HPKE_ENC_BYTES + Q_BYTES + 16
"""Encapsulation, sealed q, Poly1305 tag."""

# --- upper bounds, bytes ---
NAME_BYTES = 64
OBJECT_BYTES = 8 * 1024
"""A signed directory object: device entry, prekey, reservation, receipt, complaint."""
STATEMENT_BYTES = 256 * 1024
"""A membership statement."""
NOTE_BYTES = 48 * 1024
COSIGNATURES_BYTES = 20 * 1024
"""Lines of one roster's witnesses, such as six with ML-DSA-44; while rosters change, a note holds those of two."""
CONTEXT_BYTES = 64 * 1024
HEADER_BYTES = 256 * 1024
SHARD_BYTES = 16 * 1024
RECORD_BYTES = 2 * 1024 * 1024
"""Protocol, Defaults."""
VIEW_BYTES = HEADER_BYTES + SHARD_BYTES + 2 * SLOT_BYTES
MESSAGE_BODY = 64 * 1024
"""Content of a message before padding (protocol, Defaults)."""
MESSAGE_HEADER_BYTES = 4 * 1024
MESSAGE_BYTES = 80 * 1024
LEAF_BYTES = 4 * 1024
AUDIT_LEAF_BYTES = 256
"""One limit for every reader: a leaf that passed some and stopped others would be an attack."""

# --- counts ---
BATCH = 64
SHARD_ROWS = 64
SESSION_MESSAGES = 256
MEMBERS = 1024
FIRMS = 32
BLOBS = 32
ROWS = 1536
"""A record of more rows would pass RECORD_BYTES: a row takes about 1,350 bytes with its slot."""

# --- periods, milliseconds ---
SESSION_MS = DAY
RESERVATION_MS = 7 * DAY
RESERVATION_ASK_MS = 6 * DAY
"""What a client asks for: lifetimes are judged at the note's time, which lags behind the client's clock."""
PREKEY_MS = 30 * DAY
SUPERSEDED_MS = 24 * HOUR
NOTE_AGE_MS = 10 * MINUTE
"""Between the archive note's time and the leaf's; also between not-before and the leaf's time."""
JOIN_GRACE_MS = MINUTE
"""How long a session goes on, by leaf times, after a member's device has joined that its record could not know."""
COSIGNING_MS = 30 * SECOND
"""Between a checkpoint's size being fixed and its witnesses' times: an honest leaf comes in meanwhile."""
