"""`answerloop ratings verify`: a trial batch through a topic of its own, checked at each step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import json_option, print_json, print_table, stdout
from app.loop import run as run_loop
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.ratings.verifying import Check

_SEED, _USERS, _MOVIES = 1, 200, 100


@click.command(short_help="Check the log with a trial batch, and the topics' settings")
@click.option("--count", type=click.IntRange(1, 100_000), default=1000, help="Trial events (1000).")
@json_option
def verify(count: int, as_json: bool) -> None:
    """Send a trial batch through a topic of its own, read it back, and check each promise.

    That topic (ratings-verify) has the settings of ratings and is removed at the end; with the
    embedded log a log in a temporary folder stands in. The topics of the pipeline are only looked
    at. Exit code 1 when a check fails.

    \b
    answerloop ratings verify
    answerloop ratings verify --count 50000 --json
    """
    where, checks = run_loop(_verify(load_settings(), count))
    failed = [each for each in checks if not each.ok]
    if as_json:
        print_json({"broker": where, "ok": not failed, "checks": [_row(each) for each in checks]})
    else:
        print_table(
            None,
            ("check", "", "found"),
            [(each.name, "ok" if each.ok else "FAILED", each.detail) for each in checks],
        )
        for each in failed:
            stdout().print(f"mend {each.name}: {each.mend}", markup=False)
    if failed:
        raise SystemExit(1)


def _row(check: Check) -> dict[str, Any]:
    row = check._asdict()
    return row if not check.ok else row | {"mend": None}


async def _verify(settings: Settings, count: int) -> tuple[str, list[Check]]:
    from app.core.ratings.events import RatingLimits
    from app.ratings.faulty import SyntheticEvents
    from app.ratings.trials import open_trial, topics_there
    from app.ratings.verifying import check_topic, try_out
    from app.topics import rating_topic_table
    from app.wire.ratings import RatingReader

    limits = RatingLimits(settings.rating_max_user_id, settings.rating_max_movie_id)
    made = SyntheticEvents(
        count,
        limits=limits,
        seed=_SEED,
        users=min(_USERS, limits.max_user_id),
        movies=min(_MOVIES, limits.max_movie_id),
        start_ms=time.time_ns() // 1_000_000,
    )
    async with open_trial(settings) as trial:
        findings = await try_out(trial, list(made))
        where = trial.where
    specs = rating_topic_table(settings)
    found = await topics_there(settings, [spec.name for spec in specs])
    own = [check_topic(spec, found.get(spec.name)) for spec in specs]
    return where, findings.checks(RatingReader(limits)) + own
