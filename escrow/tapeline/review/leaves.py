"""The archive's leaves, all of them, checked against a cosigned checkpoint and replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from tapeline.agent.archive import ArchiveReplica
from tapeline.base.errors import MalformedInput, Unavailable
from tapeline.base.rules import Refused, Rule, require
from tapeline.crypto.ids import tag, user_id
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.wire import parse
from tapeline.directory.state import DIRECTORY_TYPES, OF_ORDER, DirectoryState
from tapeline.governance.case import Case
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.merkle import leaf_hash, root_of
from tapeline.transparency.tiles import ENTRIES, TILE_WIDTH, TileId, decode_bundle, tile_width
from tapeline.wire.v1.objects_pb2 import Leaf, LeafType
from tapeline.wire.v1.relay_pb2 import SyncPage

TIMEOUT_S = 60.0
MAX_BUNDLE = TILE_WIDTH * (LEAF_BYTES + 2)


@dataclass(frozen=True)
class ReplayedArchive:
    """Every leaf below a cosigned checkpoint, in order, and the directory that follows from all of them."""

    checkpoint: CosignedCheckpoint
    leaves: tuple[bytes, ...]
    parsed: tuple[Leaf, ...]
    directory: DirectoryState


def fetch_leaves(tiles_url: str, bearer: str, checkpoint: CosignedCheckpoint) -> list[bytes]:
    """Return all leaves below the checkpoint from the log's entry bundles.

    Raises:
        Refused: LOG-4, where they do not lead to the checkpoint's root.
        Unavailable: the log does not answer.
    """
    leaves: list[bytes] = []
    with httpx.Client(trust_env=False, timeout=TIMEOUT_S, headers={"authorization": bearer}) as client:
        for index in range((checkpoint.size + TILE_WIDTH - 1) // TILE_WIDTH):
            width = tile_width(ENTRIES, index, checkpoint.size)
            leaves.extend(decode_bundle(_get(client, f"{tiles_url}/{TileId(ENTRIES, index, width).path}"), width))
    require(
        root_of(map(leaf_hash, leaves)) == checkpoint.root,
        Rule.LOG_INCLUSION,
        "The archive's leaves do not lead to its checkpoint.",
    )
    return leaves


def replay_archive(
    checkpoint: CosignedCheckpoint,
    leaves: Sequence[bytes],
    archive: ArchiveReplica,
    pinned: Mapping[str, bytes],
    case: Case,
) -> ReplayedArchive:
    """Replay every leaf, with the objects of the directory, and return what follows.

    A leaf of the directory whose object the relay did not show, a gap in a sequence, a time that goes back or an
    unknown tag is refused: absence is proven by replay (protocol, Session record). Memberships of conversations that
    the case is not about are not shown to a reviewer; their leaves are passed over. Leaves name whom they add by tag,
    so none that adds a subject can be passed over. An object that does not verify is passed over too: what depends on
    it is refused by itself.

    Raises:
        Refused: LEF-1 to LEF-4.
        MalformedInput: the relay withholds an object of the directory.
    """
    objects = {item.index: item.object for page in archive.pages for item in SyncPage.FromString(page).items}
    directory = DirectoryState(pinned_rosters=pinned, whole=True)
    parsed = tuple(parse(Leaf, leaf, limit=LEAF_BYTES, what="archive leaf") for leaf in leaves)
    needed = _tags_of(case, archive.state, parsed)
    for index, leaf in enumerate(parsed):
        if leaf.type not in DIRECTORY_TYPES:
            directory.note_leaf(index, leaf)
        elif index in objects:
            _apply(directory, index, leaf, objects[index])
        elif leaf.type == LeafType.LEAF_TYPE_MEMBERSHIP and leaf.conversation_tag not in needed:
            directory.pass_over(index, leaf)
        else:
            raise MalformedInput("The relay withholds an object of the directory.", "Report the relay.")
    return ReplayedArchive(checkpoint, tuple(leaves), parsed, directory)


def _apply(directory: DirectoryState, index: int, leaf: Leaf, obj: bytes) -> None:
    try:
        directory.apply(index, leaf, obj)
    except Refused as refused:
        if refused.rule in OF_ORDER:
            raise
        directory.pass_over(index, leaf)


def _tags_of(case: Case, state: DirectoryState, leaves: Sequence[Leaf]) -> set[bytes]:
    """Return the tags of the conversations whose memberships must be shown: the case's own, or all of its subjects'."""
    if case.conversations:
        found = [state.memberships.by_id(one) for one in case.conversations]
        if None in found:
            raise MalformedInput(
                "The relay shows no conversation of an id that the case names.", "Check the ids, or report the relay."
            )
        return {one.tag for one in found if one is not None}
    people = [(one.firm, one.user) for one in case.subjects]
    salts = {person: state.devices.salt(person) for person in people}
    subjects = {tag(salt, user_id(state.deployment, *person)) for person, salt in salts.items() if salt is not None}
    members = (leaf for leaf in leaves if leaf.type == LeafType.LEAF_TYPE_MEMBERSHIP)
    return {leaf.conversation_tag for leaf in members if not subjects.isdisjoint(leaf.user_tags)}


def _get(client: httpx.Client, url: str) -> bytes:
    try:
        answer = client.get(url)
    except httpx.HTTPError:
        raise Unavailable("The archive log's tiles do not answer.", "Check that the relay runs.") from None
    if answer.status_code != httpx.codes.OK or len(answer.content) > MAX_BUNDLE:
        raise Unavailable("The archive log does not show its entries.", "Give the --key of a reviewer or auditor.")
    return answer.content
