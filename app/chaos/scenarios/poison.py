"""M1: garbage of every kind on every topic, among good questions."""

from __future__ import annotations

import asyncio

from app.chaos.poison import poisons
from app.chaos.scenario import Check, Facts, Load, Scenario
from app.chaos.stage import Stage
from app.chaos.tampering import sender

EVERY_SECONDS = 0.05


async def _faults(stage: Stage) -> None:
    sent = 0
    await asyncio.sleep(3)
    rounds = 10 if stage.options.long else 1
    async with sender(stage.outside.kafka_address) as send:
        with stage.fault("poison on every topic"):
            for _ in range(rounds):
                for topic in stage.topics:
                    for key, value in poisons():
                        await send(topic, key, value)
                        sent += 1
                        await asyncio.sleep(EVERY_SECONDS)
    stage.figures["poison"] = sent


def _expected_letters(facts: Facts) -> float:
    """Each piece of poison has a letter, and so has each question that the model refuses."""
    return float(facts.figures["poison"] + facts.audit["dead"])


def _letters(facts: Facts) -> float:
    return float(facts.audit["letters_stored"])


POISON = Scenario(
    name="poison",
    about="Garbage of 27 kinds onto each of the 11 topics, among good questions",
    promise="5 one bad message stops nothing: it is in the dead letters, with its origin and bytes",
    faults=_faults,
    checks=(
        Check("dead letters", _letters, _expected_letters, least=True),
        Check("dead letters", _letters, _expected_letters),
    ),
    load=Load(questions=200, rate=15),
    needs_kafka=True,
)
