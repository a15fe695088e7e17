"""Step 4: files and memory of relay, enroller and escrow service are searched for everything that is secret.

The same search, at the same moment, must find what is alive in a sender's process: a search that finds nothing there
would prove nothing here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tapeline.agent.passphrase_store import open_store
from tapeline.base.seam import system_rng
from tapeline.base.secret import Secret
from tapeline.custodian.ceremony.memory import CeremonyMemory
from tapeline.demo.memory import MemoryForbidden, search_folder, search_process
from tapeline.demo.patterns import Hit, Needle, PatternTable
from tapeline.demo.stage import PEOPLE, Stage
from tapeline.demo.step2_chat import Talk
from tapeline.wire.v1.content_pb2 import Content

SEARCHED = ("relay", "enroller", "escrow")
SECRETS_SECONDS = 120.0
STORE_PURPOSE = "custodian-store"
SHOWN_HITS = 5


async def search(stage: Stage, talk: Talk) -> None:
    """Search, and hold the search against the sender's process."""
    answers = [await host.ask({"do": "secrets"}, SECRETS_SECONDS) for host in stage.hosts]
    alive = [_needles(answer["alive"]) for answer in answers]
    needles = [*_texts(talk), *(needle for answer in answers for needle in _needles(answer["all"]))]
    needles += await asyncio.to_thread(_shares, stage)
    table = await asyncio.to_thread(PatternTable, needles)
    stage.narrator.say(
        f"{len(table):,} plaintexts and secrets of at least 16 bytes, each raw, in hex, base64 and UTF-16, are looked "
        f"for in files and memory of {', '.join(SEARCHED)}. (The vault is left out: q of every session is its trade.)"
    )
    try:
        await _search_servers(stage, table)
        await _search_sender(stage, alive[0])
    except MemoryForbidden as forbidden:
        stage.outcome.plaintext_hits = -1
        stage.narrator.bad(f"{forbidden.cause} {forbidden.remedy} Without it this step proves nothing, and fails.")


async def _search_servers(stage: Stage, table: PatternTable) -> None:
    hits: list[Hit] = []
    with stage.narrator.bar("searched", len(SEARCHED)) as advance:
        for done, name in enumerate(SEARCHED, start=1):
            in_files, file_bytes = await asyncio.to_thread(search_folder, table, stage.service(name), name)
            in_memory, bytes_read = await asyncio.to_thread(search_process, table, stage.parties[name].pid, name)
            hits += in_files + in_memory
            advance(done)
            stage.narrator.say(f"{name}: {file_bytes / 1e6:,.1f} MB of files, {bytes_read / 1e6:,.1f} MB of memory")
    stage.outcome.plaintext_hits = len(hits)
    for hit in hits[:SHOWN_HITS]:
        stage.narrator.bad(f"found: {hit.name} ({hit.spelling}), {hit.place}")
    if not hits:
        stage.narrator.good("Nothing was found.")


async def _search_sender(stage: Stage, alive: list[Needle]) -> None:
    """The positive control: everything that the sender's process said is alive must be found in it."""
    table = await asyncio.to_thread(PatternTable, alive)
    host = stage.hosts[0]
    hits, _ = await asyncio.to_thread(search_process, table, host.pid, host.name)
    # Its answer through the pipe was hex, so a hex find could be that answer: secrets count as they are used, raw.
    found = {hit.name for hit in hits if hit.spelling == "raw" or hit.name.startswith("text ")}
    missing = [needle.name for needle in table.needles if needle.name not in found]
    kinds = {name.split()[0] for name in found}
    stage.outcome.control_found = not missing and {"text", "chain", "prekey"} <= kinds
    if stage.outcome.control_found:
        stage.narrator.good(f"The same search finds all {len(found)} secrets that are alive in a sender's process.")
    else:
        stage.narrator.bad(f"The search missed {len(missing)} of {len(table)} in the sender's process: {missing[:3]}")


def _needles(named: dict[str, str]) -> list[Needle]:
    return [Needle(name, bytes.fromhex(value)) for name, value in named.items()]


def _texts(talk: Talk) -> Iterable[Needle]:
    for one in talk.sent.values():
        content = Content.FromString(bytes.fromhex(one["content"]))
        text = content.text.text or content.notice.text
        yield Needle(f"text of message {one['hash'][:12]}", text.encode())
    for number, twin in enumerate(talk.twins):
        yield Needle(f"text of twin {number}", twin)


def _shares(stage: Stage) -> list[Needle]:
    """Read each custodian's share out of its sealed store; the demo knows the passphrases, no party does."""
    needles = []
    for person in PEOPLE:
        if "custodian" not in person.roles:
            continue
        passphrase = Secret(stage.passphrase_file(person.id).read_bytes().strip())
        memory = CeremonyMemory(open_store(stage.store(person.id), passphrase, STORE_PURPOSE, system_rng))
        for record in memory.ceremonies():
            needles.append(Needle(f"host secret of {person.id}", record.host_secret.to_bytes()))
            if record.kept is not None:
                needles.append(Needle(f"share of {person.id}", record.kept.share.secret.to_bytes()))
    return needles
