"""`answerloop topics verify`: is every topic, and every record on it, as the pipeline needs it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.output import json_option, print_json, print_table, printable, stderr, stdout
from app.cli.topics_settings import quiet_settings
from app.loop import run as run_loop
from app.settings import QUESTIONS, Settings

if TYPE_CHECKING:
    from app.inspection.verifying import TopicCheck


@click.command()
@click.argument("topics", nargs=-1, metavar="[TOPIC]...")
@json_option
def verify(topics: tuple[str, ...], as_json: bool) -> None:
    """Read every record of the topics (all by default), and compare their settings.

    A record must fit its topic by the wire gate, and lie on the partition of its key; settings must
    be those of the table of topics, partitions of the questions' topics equal. Up to the ends as
    they are now; a running worker is not disturbed. Exit code 1 when something is wrong.

    \b
    answerloop topics verify
    answerloop topics verify dead-letters validated-responses --json
    """
    checks, unequal = run_loop(_verify(quiet_settings(), topics))
    ok = unequal is None and all(check.ok for check in checks)
    if as_json:
        rows = [check.as_json() for check in checks]
        print_json({"ok": ok, "unequal_partitions": unequal, "topics": rows})
    else:
        print_table(
            None,
            ("topic", "record", "", "messages", "undecodable", "misplaced", "settings"),
            [_row(check) for check in checks],
        )
        _print_first_bad(checks)
        if unequal is not None:
            stdout().print(f"partitions: {printable(unequal)}")
    if not ok:
        raise SystemExit(1)


def _row(check: TopicCheck) -> tuple[str, ...]:
    return (
        check.topic,
        check.record,
        "ok" if check.ok else "WRONG",
        "-" if check.messages is None else f"{check.messages:,}",
        f"{check.undecodable:,}",
        f"{check.misplaced:,}",
        "; ".join(check.differences) or "as wanted",
    )


def _print_first_bad(checks: list[TopicCheck]) -> None:
    rows = [
        (f"{check.topic}/{check.first_bad[0]}/{check.first_bad[1]}", check.first_bad[2])
        for check in checks
        if check.first_bad is not None
    ]
    if rows:
        print_table(None, ("first bad record", "why"), rows)


async def _verify(
    settings: Settings, names: tuple[str, ...]
) -> tuple[list[TopicCheck], str | None]:
    from app.broker.topic_admin import open_topic_admin
    from app.cli.ratings_progress import LiveCount
    from app.errors import NotFoundError
    from app.inspection.opening import reading
    from app.inspection.verifying import unequal_partitions, verify_topics
    from app.topics import all_topics, topics_of

    known = {spec.name: spec for spec in all_topics(settings)}
    if strange := [name for name in names if name not in known]:
        raise NotFoundError(
            f"{', '.join(strange)} is no topic of the pipelines; see answerloop topics list"
        )
    specs = [known[name] for name in names or known]
    admin = await open_topic_admin(settings)
    try:
        there = await admin.describe(list(known))
    finally:
        await admin.close()
    async with reading(settings) as reader:
        wanted = [spec.name for spec in specs if spec.name in there]
        spans = await reader.spans(await reader.partitions(wanted))
        total, done = sum(span.messages for span in spans.values()), 0
        with LiveCount(stderr(), "checking", total) as live:

            def progress(topic: str, records: int) -> None:
                nonlocal done
                done += records
                live.show(done, topic)

            checks = await verify_topics(settings, reader, specs, there, spans, progress)
    of_questions = [spec for spec in topics_of(settings, [QUESTIONS]) if spec.name in there]
    return checks, unequal_partitions(of_questions, there)
