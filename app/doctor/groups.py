"""The check of the consumer groups: who is in them, what stands still, who is a stranger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from app.broker import log_folder
from app.doctor.check import Site
from app.doctor.outcome import (
    Outcome,
    advice,
    command,
    problem,
    setting,
    skipped,
    together,
    warning,
)
from app.inspection.groups import GroupRow, group_rows
from app.inspection.opening import reading
from app.inspection.reader import GroupState, TopicReader
from app.settings import PREFIX, Settings
from app.topics import all_topics, app_name
from app.transports.embedded.layout import FILE_NAME


async def groups(site: Site) -> Outcome:
    settings = site.settings
    if settings.broker.startswith("memory:"):
        return skipped("groups are in the process's memory")
    if settings.embedded and not (log_folder(settings) / FILE_NAME).exists():
        return skipped("there is no log yet")
    found, seen = [], []
    async with reading(settings) as reader:
        for pipeline in settings.pipeline_names:
            state = await reader.group(app_name(settings, pipeline))
            rows = await group_rows(reader, state, ages=True)
            found += strangers(settings, state, rows)
            found += await _standing_still(site, reader, state, rows)
            late = sum(row.lag or 0 for row in rows)
            seen.append(f"{state.name}: {_members(state)}, {late:,} late")
    return together(found, "; ".join(seen))


def strangers(settings: Settings, state: GroupState, rows: Sequence[GroupRow]) -> list[Outcome]:
    """Return what tells that another app uses this group id: topics that are not ours."""
    ours = {spec.name for spec in all_topics(settings)}
    read = {
        topic: member
        for member in state.members
        for topic, _ in member.partitions
        if topic not in ours and not topic.startswith(f"{state.name}-")
    }
    if read:
        member = next(iter(read.values()))
        return [
            problem(
                f"{state.name}: {member.client_id} at {member.host} reads"
                f" {', '.join(sorted(read))}: another app uses this group id, and"
                " partitions go to it",
                advice("stop that app, or give one of the two another name:"),
                setting(f"{PREFIX}APP_ID={settings.app_id}-2"),
            )
        ]
    left = {row.topic for row in rows} - ours
    left = {topic for topic in left if not topic.startswith(f"{state.name}-")}
    if left:
        names = ", ".join(sorted(left))
        return [
            warning(
                f"{state.name} has offsets of {names}: another app's, or an earlier TOPIC_PREFIX's",
                advice(f"nothing, if that is known; else another {PREFIX}APP_ID"),
            )
        ]
    return []


def _members(state: GroupState) -> str:
    return f"{len(state.members)} member{'' if len(state.members) == 1 else 's'}"


async def _standing_still(
    site: Site, reader: TopicReader, state: GroupState, rows: Sequence[GroupRow]
) -> list[Outcome]:
    """Look at the lag twice; a record waits rightly as long as a model call may last."""
    patience = site.settings.stuck_seconds + site.settings.llm_timeout_seconds
    old = [
        row
        for row in rows
        if row.lag and row.oldest_at is not None and time.time() - row.oldest_at > patience
    ]
    late = sum(row.lag or 0 for row in rows)
    if late and not state.active:
        return [
            warning(
                f"{state.name}: {late:,} records wait, and nobody is in the group",
                command("answerloop worker"),
            )
        ]
    if not old:
        return []
    await asyncio.sleep(site.watch_seconds)
    again = await reader.committed(state.name)
    still = [row for row in old if again.get((row.topic, row.partition)) == row.current]
    if not still:
        return []
    places = ", ".join(f"{row.topic}/{row.partition} ({row.lag:,} late)" for row in still[:4])
    return [
        warning(
            f"{state.name}: nothing moves on {places}",
            advice(
                "see why: `answerloop watch`, and /readyz and the log of the worker that has it"
            ),
            command(f"answerloop groups describe {state.name}"),
        )
    ]
