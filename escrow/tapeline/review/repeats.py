"""Message ids that occur twice: what says the same is one message sent again, what says another thing is shown too.

A sender whose session was refused seals the same content anew under the same id; nobody else repeats an id. So a
repeat is folded into the first only where the content is equal byte for byte, and it stays visible there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tapeline.review.messages import ReadMessage

TWICE = "its message id is used twice, for different contents"


def fold(messages: Iterable[ReadMessage]) -> tuple[tuple[ReadMessage, ...], tuple[str, ...]]:
    """Return what is shown, in the order given, and a finding for every id that stands for different contents."""
    kept: dict[tuple[str, str, bytes, bytes, bytes], ReadMessage] = {}
    ids: dict[tuple[str, str, bytes], list[ReadMessage]] = {}
    for one in messages:
        # What does not decode has no id: each such message stands for itself.
        name = one.message_hash if one.content is None else one.content.message_id
        key = (one.firm, one.user, name, one.conversation, one.raw)
        first = kept.get(key)
        if first is None:
            kept[key] = one
            ids.setdefault((one.firm, one.user, name), []).append(one)
        else:
            kept[key] = replace(first, repeats=(*first.repeats, one.leaf_index))
    doubled = {name: found for name, found in ids.items() if len(found) > 1}
    marked = {one.message_hash for found in doubled.values() for one in found}
    shown = tuple(
        replace(one, remarks=(*one.remarks, TWICE)) if one.message_hash in marked else one for one in kept.values()
    )
    return shown, tuple(_finding(user, found) for (_, user, _), found in doubled.items())


def _finding(user: str, found: list[ReadMessage]) -> str:
    places = ", ".join(str(one.leaf_index) for one in found)
    return f"message id used twice: {user} sent different contents under one id, archive leaves {places}"
