"""The archive's leaves, all of them, checked against a cosigned checkpoint and replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from tapeline.agent.archive import ArchiveReplica
from tapeline.base.errors import MalformedInput, Unavailable
from tapeline.base.rules import Rule, require
from tapeline.crypto.limits import LEAF_BYTES
from tapeline.crypto.wire import parse
from tapeline.directory.state import DIRECTORY_TYPES, DirectoryState
from tapeline.transparency.cosigned import CosignedCheckpoint
from tapeline.transparency.merkle import leaf_hash, root_of
from tapeline.transparency.tiles import ENTRIES, TILE_WIDTH, TileId, decode_bundle, tile_width
from tapeline.wire.v1.objects_pb2 import Leaf
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
    checkpoint: CosignedCheckpoint, leaves: Sequence[bytes], archive: ArchiveReplica, pinned: Mapping[str, bytes]
) -> ReplayedArchive:
    """Replay every leaf, with the objects of the directory, and return what follows.

    A leaf of the directory whose object the relay did not show, a gap in a conversation's sequence, a time that goes
    back or an unknown tag is refused: absence is proven by replay (protocol, Session record).

    Raises:
        Refused: LEF-1 to LEF-3, or the rule that an object breaks.
        MalformedInput: the relay withholds an object of the directory.
    """
    objects = {item.index: item.object for page in archive.pages for item in SyncPage.FromString(page).items}
    directory = DirectoryState(pinned_rosters=pinned, whole=True)
    parsed = tuple(parse(Leaf, leaf, limit=LEAF_BYTES, what="archive leaf") for leaf in leaves)
    for index, leaf in enumerate(parsed):
        if leaf.type not in DIRECTORY_TYPES:
            directory.note_leaf(index, leaf)
        elif index in objects:
            directory.apply(index, leaf, objects[index])
        else:
            raise MalformedInput("The relay withholds an object of the directory.", "Report the relay.")
    return ReplayedArchive(checkpoint, tuple(leaves), parsed, directory)


def _get(client: httpx.Client, url: str) -> bytes:
    try:
        answer = client.get(url)
    except httpx.HTTPError:
        raise Unavailable("The archive log's tiles do not answer.", "Check that the relay runs.") from None
    if answer.status_code != httpx.codes.OK or len(answer.content) > MAX_BUNDLE:
        raise Unavailable("The archive log does not show its entries.", "Give the --key of a reviewer or auditor.")
    return answer.content
