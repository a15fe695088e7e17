"""Step 3: a modified client tries eight frauds through the running relay, each beside its unmodified twin."""

from __future__ import annotations

from tapeline.base.rules import rule_by_id
from tapeline.demo.stage import Stage
from tapeline.demo.step2_chat import FRAUDSTER, GHOST, Talk, collect, converse

FRAUD_SECONDS = 120.0


async def try_frauds(stage: Stage, talk: Talk) -> None:
    """Let the modified client talk to the first user, and try everything in that conversation."""
    victim = next(user for user in talk.where if user not in {FRAUDSTER, GHOST})
    conversation = (await converse(stage, talk, [(FRAUDSTER, [victim])]))[0]
    host = stage.hosts[talk.where[FRAUDSTER]]
    command = {"do": "frauds", "user": FRAUDSTER, "conversation": conversation.hex(), "ghost": GHOST}
    answer = await host.ask(command, FRAUD_SECONDS)
    talk.twins += [bytes.fromhex(text) for text in answer["texts"]]
    for verdict in answer["verdicts"]:
        _tell(stage, verdict)
    await collect(stage, talk)


def _tell(stage: Stage, verdict: dict[str, object]) -> None:
    name, identifier, holds = str(verdict["fraud"]), str(verdict["rule"]), bool(verdict["holds"])
    stage.outcome.frauds_refused[name] = holds
    rule = rule_by_id(identifier)
    why = f"refused by {identifier}, {rule.value.refuses}" if rule else f"answered with: {identifier}"
    twin = "its twin was accepted" if verdict["twin"] else "its TWIN was NOT accepted"
    text = f"{name.replace('_', ' ')}: {why}; {twin}"
    if holds:
        stage.narrator.good(text)
    else:
        stage.narrator.bad(text)
