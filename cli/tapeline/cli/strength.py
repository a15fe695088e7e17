"""How hard a new passphrase is to guess; a weak one is refused with the reason, never with the passphrase.

zxcvbn estimates guesses from dictionaries and patterns. Its score 3 means over 10^8 guesses, which against Argon2id
(some 20 a second and core at our cost) is months for one machine; 4 is over 10^10.
"""

from __future__ import annotations

from collections.abc import Iterable

from tapeline.base.errors import MalformedInput
from tapeline.base.secret import Secret

MIN_SCORE = 3
_JUDGED = 72
"""Characters that are judged, zxcvbn's own limit: what follows only makes it harder."""
_USUAL = "Four or more words that do not belong together are strong and can be remembered."


def require_strong(passphrase: Secret, *, about: Iterable[str] = ()) -> None:
    """Refuse a passphrase that is easily guessed.

    Args:
        passphrase: new, UTF-8.
        about: words that an attacker tries first, such as the person's name.

    Raises:
        MalformedInput: with the estimator's own warning and suggestions, which are fixed sentences.
    """
    from zxcvbn import zxcvbn  # loads its dictionaries: only where a passphrase is new

    found = zxcvbn(
        passphrase.reveal().decode()[:_JUDGED], user_inputs=[part for word in about for part in (word, *word.split())]
    )
    if found["score"] >= MIN_SCORE:
        return
    warning, suggestions = found["feedback"]["warning"], found["feedback"]["suggestions"]
    cause = " ".join(["The passphrase is too easy to guess.", *([warning.rstrip(".") + "."] if warning else [])])
    raise MalformedInput(cause, " ".join([*suggestions, _USUAL]))
