"""Step 2: users are enrolled, find one another in the verified directory, and chat, in groups and one-to-one."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapeline.demo.replay import Pair, Post, beginners, chunks, deal, posts_of
from tapeline.demo.stage import Stage
from tapeline.demo.transcript import Transcript

FRAUDSTER, GHOST = "modified-client", "not-a-member"
SMALL = 60
"""A script of up to so many posts is said one by one; a longer one in runs, which saves every client a commit."""
RUN = 32
ENROL_SECONDS = 600.0
SAY_SECONDS = 300.0


@dataclass
class Talk:
    """What was said: every acknowledged message, by hash, with where and when."""

    channels: list[bytes] = field(default_factory=list)
    pairs: int = 0
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    chat_times: list[int] = field(default_factory=list)
    where: dict[str, int] = field(default_factory=dict)
    """Client process of each user."""
    twins: list[bytes] = field(default_factory=list)
    """Texts of the messages that the modified client sent beside its SDK, and the relay took."""

    def in_conversation(self, conversation: bytes, from_ms: int, to_ms: int) -> dict[str, dict[str, Any]]:
        """Return the messages of a conversation whose leaf lies in a window."""
        wanted = conversation.hex()
        return {
            digest: one
            for digest, one in self.sent.items()
            if one["conversation"] == wanted and from_ms <= one["time"] <= to_ms
        }


async def chat(stage: Stage, transcripts: Sequence[Transcript]) -> Talk:
    """Enrol everybody and replay every transcript."""
    talk = Talk()
    users = list(dict.fromkeys(nick for transcript in transcripts for nick in transcript.speakers))
    _report_unread(stage, transcripts)
    few = sum(len(transcript.events) for transcript in transcripts) <= SMALL
    await _enrol(stage, talk, [*users, FRAUDSTER, GHOST], acknowledge=few)
    for transcript in transcripts:
        await _replay(stage, talk, transcript, run=1 if few else RUN)
    await settle(stage, talk)
    stage.narrator.good(
        f"{len(talk.sent):,} messages are acknowledged, durable and delivered, in {len(talk.channels)} group and "
        f"{talk.pairs} one-to-one conversations; each began with the recording disclosure."
    )
    return talk


def _report_unread(stage: Stage, transcripts: Iterable[Transcript]) -> None:
    for transcript in transcripts:
        stage.outcome.unread += len(transcript.unread)
        stage.narrator.say(
            f"{transcript.name}: {transcript.lines:,} lines, {len(transcript.speakers)} people who speak, "
            f"{transcript.directed} lines directed to one of them, {len(transcript.unread)} lines unreadable."
        )
        for reason, count in transcript.reasons().items():
            stage.narrator.say(f"    {count} of them {reason}")


async def _enrol(stage: Stage, talk: Talk, users: Sequence[str], *, acknowledge: bool) -> None:
    hosts = deal(users)
    talk.where = {user: number for number, host in enumerate(hosts) for user in host}
    codes = await _codes(stage, users)
    for number in range(len(hosts)):
        argv = [sys.executable, "-m", "tapeline.demo.host"]
        stage.hosts.append(await stage.supervisor.start(f"clients-{number + 1}", argv, controlled=True))
    with stage.narrator.bar("enrolled", len(users)) as advance:
        done = 0
        orders = [
            host.ask(
                {
                    "do": "enrol",
                    "users": {user: codes[user] for user in members},
                    "relay": stage.addresses["relay"],
                    "enroller": stage.addresses["enroller"],
                    "folder": str(stage.folder.part("clients", host.name)),
                    "passphrase": secrets.token_hex(16),
                    "acknowledge": acknowledge,
                },
                ENROL_SECONDS,
            )
            for host, members in zip(stage.hosts, hosts, strict=True)
        ]
        for order in asyncio.as_completed(orders):
            done += (await order)["enrolled"]
            advance(done)
    stage.narrator.good(
        f"{len(users)} users have a device each, in {len(hosts)} client processes, with logged prekeys."
    )


async def _codes(stage: Stage, users: Sequence[str]) -> dict[str, str]:
    words = [word for user in users for word in ("--user", user)]
    where = ["--data", str(stage.service("enroller")), "--roster", str(stage.roster)]
    result = await stage.run("codes", "enroller", "code", *where, *words)
    return {str(user): str(code) for user, code in result["codes"].items()}


async def _replay(stage: Stage, talk: Talk, transcript: Transcript, *, run: int) -> None:
    keeper = transcript.speakers[0]
    others = [nick for nick in transcript.speakers if nick != keeper]
    channel = (await converse(stage, talk, [(keeper, others)]))[0]
    talk.channels.append(channel)
    firsts = beginners(transcript)
    begun = await converse(stage, talk, [(who, [*pair - {who}]) for pair, who in firsts.items()])
    pairs: dict[Pair, bytes] = dict(zip(firsts, begun, strict=True))
    talk.pairs += len(pairs)
    posts = [post for event in transcript.events for post in posts_of(event, keeper, channel, pairs)]
    with stage.narrator.bar("messages", len(posts)) as advance:
        done = 0
        for part in chunks(posts, run):
            await say(stage, talk, part)
            done += len(part)
            advance(done)


async def converse(stage: Stage, talk: Talk, wanted: Sequence[tuple[str, list[str]]]) -> list[bytes]:
    """Begin conversations, each by its first member, and return their ids in order."""
    orders = [
        [(place, who, people) for place, (who, people) in enumerate(wanted) if talk.where[who] == number]
        for number in range(len(stage.hosts))
    ]
    found: dict[int, bytes] = {}

    async def ask(number: int) -> None:
        command = {"do": "converse", "list": [(who, people) for _, who, people in orders[number]]}
        answer = await stage.hosts[number].ask(command, SAY_SECONDS)
        for (place, _, _), identifier in zip(orders[number], answer["conversations"], strict=True):
            found[place] = bytes.fromhex(identifier)

    await asyncio.gather(*(ask(number) for number, order in enumerate(orders) if order))
    return [found[place] for place in range(len(wanted))]


async def say(stage: Stage, talk: Talk, posts: Sequence[Post]) -> None:
    """Have posts said and acknowledged."""
    orders = [[post for post in posts if talk.where[post.user] == number] for number in range(len(stage.hosts))]
    answers = await asyncio.gather(
        *(
            stage.hosts[number].ask({"do": "say", "posts": [post.as_command() for post in order]}, SAY_SECONDS)
            for number, order in enumerate(orders)
            if order
        )
    )
    talk.chat_times += [receipt["time"] for answer in answers for receipt in answer["receipts"]]


async def settle(stage: Stage, talk: Talk, within: float = SAY_SECONDS) -> None:
    """Wait until every client has everything that was said, and take note of all of it."""
    await collect(stage, talk)
    sequences: dict[str, int] = {}
    for one in talk.sent.values():
        sequences[one["conversation"]] = max(sequences.get(one["conversation"], 0), one["sequence"])
    command = {"do": "settle", "sequences": sequences, "within": within}
    behind = await asyncio.gather(*(host.ask(command, within + 10) for host in stage.hosts))
    received = await asyncio.gather(*(host.ask({"do": "received"}, SAY_SECONDS) for host in stage.hosts))
    stage.outcome.checks["A client did not get every message of its conversations."] = not any(
        answer["behind"] for answer in behind
    )
    stage.outcome.checks["An application was given a message twice."] = not any(one["twice"] for one in received)
    stage.outcome.checks["A client raised an alarm."] = not any(one["alarms"] for one in received)


async def collect(stage: Stage, talk: Talk) -> None:
    """Ask every client process what its devices sent."""
    for answer in await asyncio.gather(*(host.ask({"do": "own"}, SAY_SECONDS) for host in stage.hosts)):
        talk.sent |= {one["hash"]: one for one in answer["messages"]}
    stage.outcome.sent = len(talk.sent) + len(talk.twins)
