"""Checks side by side: none hangs, breaks or betrays the others."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.doctor.catalogue import CHECKS, chosen, named
from app.doctor.check import Check, Site
from app.doctor.outcome import Outcome, Status, command, ok, problem, warning
from app.doctor.running import examine, is_hanging, redacted
from app.errors import NotFoundError, StoreUnavailable
from app.settings import load_settings
from tests.docs.pages import ROOT, table
from tests.doctor.looking import site


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """What a hanging check waits for, until the test is over."""
    event = threading.Event()
    yield event
    event.set()


async def _fine(_: Site) -> Outcome:
    return ok("fine")


def test_a_check_that_blocks_its_thread_holds_up_no_other(
    tmp_path: Path, stuck: threading.Event
) -> None:
    async def hang(_: Site) -> Outcome:
        stuck.wait()  # not even a cancellation would end it
        return ok("at last")

    hanging = [Check(f"hang-{n}", "a", "hangs", hang, seconds=0.3) for n in range(9)]
    results = examine(site(tmp_path), [*hanging, Check("fine", "a", "", _fine)])
    outcomes = {result.check: result.outcome for result in results}
    assert [result.check for result in results] == [*(f"hang-{n}" for n in range(9)), "fine"]
    assert outcomes["fine"].status is Status.OK
    for n in range(9):
        assert outcomes[f"hang-{n}"].status is Status.PROBLEM
        assert outcomes[f"hang-{n}"].seen == "no answer within 0.3 s"
    assert is_hanging()
    stuck.set()
    until = time.monotonic() + 20
    while is_hanging():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_check_that_breaks_is_reported_in_one_line(tmp_path: Path) -> None:
    async def breaks(_: Site) -> Outcome:
        raise KeyError("a\nsecond line")

    async def away(_: Site) -> Outcome:
        raise StoreUnavailable("PostgreSQL is away")

    checks = [Check("breaks", "a", "", breaks), Check("away", "a", "", away)]
    broken, unavailable = (result.outcome for result in examine(site(tmp_path), checks))
    assert broken.status is Status.BROKEN
    assert broken.seen.startswith("the check itself failed: KeyError: ")
    assert "\n" not in broken.seen
    assert broken.status.is_bad
    assert (unavailable.status, unavailable.seen) == (Status.PROBLEM, "PostgreSQL is away")


def test_a_check_waits_for_what_it_needs_and_is_skipped_when_that_is_bad(tmp_path: Path) -> None:
    order = []

    async def first(_: Site) -> Outcome:
        await asyncio.sleep(0.05)
        order.append("first")
        return warning("half well")

    async def second(_: Site) -> Outcome:
        order.append("second")
        return problem("bad")

    checks = [
        Check("third", "a", "", _fine, needs="second"),
        Check("second", "a", "", second, needs="first"),
        Check("first", "a", "", first),
        Check("alone", "a", "", _fine, needs="of no run"),
    ]
    third, _, _, alone = (result.outcome for result in examine(site(tmp_path), checks))
    assert order == ["first", "second"]
    assert third.status is Status.SKIPPED
    assert third.seen == "needs the check second, which is problem"
    assert alone.status is Status.OK


def test_no_secret_is_in_what_a_check_says(tmp_path: Path) -> None:
    settings = load_settings(
        data_dir=tmp_path,
        database="postgresql://u:p%40ss%2Fword@h/d",
        cache="redis://:re:dis@h",
        llm_api_key="sk-key",
    )
    words = "p%40ss%2Fword p@ss/word re:dis sk-key u@h"
    told = redacted(settings, Outcome(Status.PROBLEM, words, (command(f"psql {words}"),)))
    hidden = "******** ******** ******** ******** u@h"
    assert told.seen == hidden
    assert told.mends[0].text == f"psql {hidden}"


def test_checks_are_chosen_by_name_or_area_with_what_they_need() -> None:
    assert [each.name for each in chosen(["database-clock"])] == ["database", "database-clock"]
    names = {each.name for each in chosen(["scorer", "cpu"])}
    assert names == {"scorer", "gate", "gate-check", "scorer-call", "cpu"}
    assert chosen([]) == CHECKS
    assert [each.name for each in named(["gate"])] == ["scorer", "gate"]
    with pytest.raises(NotFoundError, match=r"'databse'.*--list"):
        chosen(["databse"])


def test_every_check_has_a_name_of_its_own_and_needs_one_that_is_there() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert {check.needs for check in CHECKS} - {None} <= set(names)
    assert all(inspect.iscoroutinefunction(check.function()) for check in CHECKS)


def test_a_check_whose_library_is_missing_breaks_alone(tmp_path: Path) -> None:
    checks = [Check("gone", "a", "", "no_such_module:run"), Check("fine", "a", "", _fine)]
    gone, fine = (result.outcome for result in examine(site(tmp_path), checks))
    assert (gone.status, "ModuleNotFoundError" in gone.seen) == (Status.BROKEN, True)
    assert fine.status is Status.OK


def test_the_page_has_every_check_and_no_other() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    rows = table(page[page.index("\n## Checks") :])
    assert {name: cells[0] for name, cells in rows.items()} == {c.name: c.area for c in CHECKS}
    assert all(cell for cells in rows.values() for cell in cells)
    shown = re.findall(r"--only ([a-z-]+)", page)
    assert {each.name for each in CHECKS} | {each.area for each in CHECKS} >= set(shown)
