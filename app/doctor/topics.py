"""Checks of the topics: there, co-partitioned, kept long enough, compacted, copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from app.broker.topic_admin import TopicState, open_topic_admin
from app.doctor.check import Site
from app.doctor.kafka import add_partitions, alter_topic, kafka_client, read_cluster, read_copies
from app.doctor.outcome import (
    Mend,
    Outcome,
    advice,
    command,
    problem,
    setting,
    skipped,
    together,
    warning,
)
from app.doctor.waits import longest_life_seconds
from app.settings import PREFIX, QUESTIONS, Settings
from app.topics import MAX_MESSAGE_BYTES, TopicSpec, all_topics, topics_of

_DRAIN = advice(
    "first let everything end: stop the intake, and wait until `answerloop groups lag` shows"
    " nothing late and nothing that waits; then stop the workers"
)
_IN_MEMORY = "the topics are in the process's memory"


async def topics(site: Site) -> Outcome:
    if site.settings.broker.startswith("memory:"):
        return skipped(_IN_MEMORY)
    specs, there = await _described(site.settings)
    missing = [spec.name for spec in specs if spec.name not in there]
    if not missing:
        return together((), f"all {len(specs)} are there")
    if len(missing) == len(specs):
        seen = "none is there yet: the first start of a worker makes them"
    else:
        seen = f"{len(missing)} of {len(specs)} are missing: {_list(missing)}"
    return warning(seen, command("answerloop topics create"))


async def partitions(site: Site) -> Outcome:
    """Look whether all topics of the questions have as many partitions as the setting says."""
    settings = site.settings
    if settings.broker.startswith("memory:"):
        return skipped(_IN_MEMORY)
    specs, there = await _described(settings)
    if not there:
        return skipped("there is no topic yet")
    of_questions = {spec.name for spec in topics_of(settings, [QUESTIONS])}
    found = []
    counts = {name: state.partitions for name, state in there.items() if name in of_questions}
    if len(set(counts.values())) > 1:
        found.append(_unequal(settings, counts))
    elif counts and (only := next(iter(counts.values()))) != settings.partitions:
        found.append(
            problem(
                f"the topics have {only} partitions, PARTITIONS is {settings.partitions}:"
                " workers don't start",
                setting(f"{PREFIX}PARTITIONS={only}"),
            )
        )
    for spec in specs:
        state = there.get(spec.name)
        if spec.name in of_questions or state is None or state.partitions == spec.partitions:
            continue
        seen = f"{spec.name} has {state.partitions} partitions, not {spec.partitions}"
        if state.partitions < spec.partitions and not settings.embedded:
            found.append(problem(seen, add_partitions(settings, spec.name, spec.partitions)))
        else:
            found.append(problem(seen, *_other_names()))
    return together(found, f"equal: {next(iter(counts.values()), '-')}")


def _unequal(settings: Settings, counts: dict[str, int]) -> Outcome:
    """Return the mend of unequal counts: Kafka can only add, so the largest number is the aim."""
    usual, _ = Counter(counts.values()).most_common(1)[0]
    odd = [f"{name} has {count}" for name, count in counts.items() if count != usual]
    seen = (
        f"{_list(odd)}, the other topics of the questions {usual}: a question's messages and its"
        " tables are on different workers"
    )
    aim = max(counts.values())
    if settings.embedded:
        return problem(seen, *_other_names())
    mends = [_DRAIN]
    mends += [add_partitions(settings, name, aim) for name, n in counts.items() if n < aim]
    if aim != settings.partitions:
        mends.append(setting(f"{PREFIX}PARTITIONS={aim}"))
    return problem(seen, *mends)


def _other_names() -> tuple[Mend, ...]:
    return (
        _DRAIN,
        setting(f"{PREFIX}TOPIC_PREFIX=new-"),
        setting(f"{PREFIX}APP_ID=answerloop-new"),
    )


async def retention(site: Site) -> Outcome:
    """Look whether records stay longer than a question may be on its way."""
    settings = site.settings
    if settings.broker.startswith("memory:"):
        return skipped(_IN_MEMORY)
    specs, there = await _described(settings)
    if not there:
        return skipped("there is no topic yet")
    life = longest_life_seconds(settings)
    found = []
    for spec, state in _kept(specs, there):
        found += _retention_of(settings, spec, state, life)
    return together(found, f"records outlast the longest way of a question ({life:,.0f} s)")


def _retention_of(
    settings: Settings, spec: TopicSpec, state: TopicState, life: float
) -> list[Outcome]:
    mend = _config_mend(settings, spec.name, spec.config)
    if "delete" not in state.config.get("cleanup.policy", "delete"):
        return [
            problem(f"{spec.name} is compacted: records of a question replace each other", mend)
        ]
    kept_ms = int(state.config.get("retention.ms") or -1)
    if 0 <= kept_ms <= life * 1000:
        return [
            problem(
                f"{spec.name} keeps records for {kept_ms / 1000:,.0f} s, and a question may be on"
                f" its way for {life:,.0f} s: what waits is deleted",
                mend,
            )
        ]
    if 0 <= kept_ms < (spec.retention_ms or 0):
        wanted = (spec.retention_ms or 0) / 1000
        seen = f"{spec.name} keeps records for {kept_ms / 1000:,.0f} s, not {wanted:,.0f} s"
        return [warning(seen, mend)]
    if int(state.config.get("retention.bytes") or -1) >= 0:
        size = state.config["retention.bytes"]
        seen = f"{spec.name} is cut at {size} bytes a partition, read or not (retention.bytes)"
        return [warning(seen, _config_mend(settings, spec.name, {"retention.bytes": "-1"}))]
    return []


async def changelogs(site: Site) -> Outcome:
    """Look whether the changelogs of the tables are compacted: else a table is lost with age."""
    settings = site.settings
    if settings.broker.startswith("memory:"):
        return skipped(_IN_MEMORY)
    specs, there = await _described(settings)
    own = [spec for spec in specs if spec.retention_ms is None and spec.name in there]
    if not own:
        return skipped("there is no changelog yet")
    found = [
        problem(
            f"{spec.name} is not compacted alone (cleanup.policy={policy}): the waits and counts in"
            " it are lost with age",
            _config_mend(settings, spec.name, spec.config),
        )
        for spec in own
        if (policy := there[spec.name].config.get("cleanup.policy", "delete")) != "compact"
    ]
    return together(found, f"{len(own)} are compacted")


async def message_bytes(site: Site) -> Outcome:
    settings = site.settings
    if settings.embedded:
        return skipped("the embedded log has no such limit")
    specs, there = await _described(settings)
    if not there:
        return skipped("there is no topic yet")
    found = []
    for spec in specs:
        wanted = spec.extra.get("max.message.bytes")
        state = there.get(spec.name)
        if wanted and state and int(state.config.get("max.message.bytes") or wanted) < int(wanted):
            seen = (
                f"{spec.name} takes messages up to {state.config['max.message.bytes']} bytes, not"
                f" {wanted}: long ones stop their partition"
            )
            found.append(problem(seen, alter_topic(settings, spec.name, spec.extra)))
    return together(found, f"at least {MAX_MESSAGE_BYTES:,}")


async def replication(site: Site) -> Outcome:
    """Look at the copies: as many as the setting says, in sync, and enough for what is demanded."""
    settings = site.settings
    if settings.embedded:
        return skipped("the broker is no Kafka: one copy, on this disk")
    _, there = await _described(settings)
    if not there:
        return skipped("there is no topic yet")
    async with kafka_client(settings) as client:
        copies = await read_copies(client, list(there))
        brokers = len((await read_cluster(client)).brokers)
    found = []
    offline = [name for name, each in copies.items() if each.without_leader]
    if offline:
        found.append(
            problem(
                f"partitions without a leader: {_list(offline)}",
                advice("start the brokers that hold them"),
            )
        )
    few = [n for n, each in copies.items() if each.replicas < settings.replication_factor]
    if few:
        mend = advice(
            "kafka-reassign-partitions.sh with a plan that names more brokers for each partition"
        )
        lower = setting(f"{PREFIX}REPLICATION_FACTOR={min(copies[n].replicas for n in few)}")
        factor = settings.replication_factor
        found.append(
            problem(f"fewer copies than REPLICATION_FACTOR={factor}: {_list(few)}", mend, lower)
        )
    behind = [n for n, each in copies.items() if each.in_sync < each.replicas and n not in offline]
    if behind:
        mend = advice("see the logs of the brokers that lag behind")
        found.append(warning(f"copies that are not in sync: {_list(behind)}", mend))
    found += [
        problem(
            f"{name} demands {demanded} copies in sync (min.insync.replicas) and has"
            f" {copies[name].replicas}: no record can be written",
            alter_topic(settings, name, {"min.insync.replicas": str(copies[name].replicas)}),
        )
        for name, state in there.items()
        if (demanded := int(state.config.get("min.insync.replicas") or 1)) > copies[name].replicas
    ]
    if settings.replication_factor == 1 and brokers > 1 and not found:
        mend = setting(f"{PREFIX}REPLICATION_FACTOR={min(3, brokers)}")
        found.append(
            warning(f"one copy of each topic on {brokers} brokers: a disk can lose it", mend)
        )
    return together(found, f"{min(c.replicas for c in copies.values())} or more, all in sync")


async def _described(settings: Settings) -> tuple[list[TopicSpec], dict[str, TopicState]]:
    """Return the topics as they should be, and those that are there as they are."""
    specs = all_topics(settings)
    admin = await open_topic_admin(settings)
    try:
        return specs, await admin.describe([spec.name for spec in specs])
    finally:
        await admin.close()


def _kept(
    specs: Sequence[TopicSpec], there: dict[str, TopicState]
) -> list[tuple[TopicSpec, TopicState]]:
    """Return the topics that have a retention and are there."""
    kept = (spec for spec in specs if spec.retention_ms is not None and spec.name in there)
    return [(spec, there[spec.name]) for spec in kept]


def _config_mend(settings: Settings, topic: str, config: dict[str, str]) -> Mend:
    if settings.embedded:
        return advice(
            "the embedded log's topics keep the settings of their making: end all work, then start"
            " with another ANSWERLOOP_DATA_DIR, or with another ANSWERLOOP_TOPIC_PREFIX and APP_ID"
        )
    return alter_topic(settings, topic, config)


def _list(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
