"""The small parts of a chaos run: questions, ledger, poison, checks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from app.adapters.scorer.memory import overlap
from app.chaos.database import changed_ends
from app.chaos.ledger import AcceptedQuestion, ClientLedger, read_ledger
from app.chaos.poison import poisons
from app.chaos.questions import REFUSED, make_question
from app.chaos.scenario import CONSERVATION, Facts, figure
from app.chaos.scenarios import SCENARIOS
from app.chaos.timeline import percentile
from app.fake_llm.server import echo
from app.wire import WireGate
from models.questions import RECORDS

NOTHING = Facts({}, {})


def accepted(number: int) -> AcceptedQuestion:
    return AcceptedQuestion(number, f"id-{number}", f"key-{number}", "Why\n?", "validated", 1e9)


def test_questions_are_unique_and_of_every_kind() -> None:
    made = [make_question("run", number) for number in range(1, 101)]
    assert len({question.text for question in made}) == 100
    kinds = Counter(question.expected for question in made)
    assert kinds == {"validated": 75, "low_quality": 10, "unscored": 10, "dead": 5}


def test_a_question_ends_as_its_kind_says_by_word_overlap() -> None:
    for number in range(1, 21):
        question = make_question("run", number)
        if question.expected == "dead":
            assert question.text.endswith(REFUSED)
        elif question.reference is None:
            assert question.expected == "unscored"
        else:
            good = overlap(echo(question.text), question.reference).f1 >= 0.75
            assert question.expected == ("validated" if good else "low_quality")


async def test_what_the_ledger_has_written_is_read_again(tmp_path: Path) -> None:
    ledger = ClientLedger(tmp_path / "accepted.jsonl")
    for number in range(3):
        await ledger.write(accepted(number))
    ledger.close()
    assert list(read_ledger(ledger.path)) == [accepted(number) for number in range(3)]


async def test_a_line_that_a_crash_cut_off_is_no_promise(tmp_path: Path) -> None:
    ledger = ClientLedger(tmp_path / "accepted.jsonl")
    await ledger.write(accepted(1))
    ledger.close()
    with ledger.path.open("a") as file:
        file.write('{"number": 2, "quest')
    assert list(read_ledger(ledger.path)) == [accepted(1)]


@pytest.mark.parametrize("record", RECORDS)
def test_poison_is_valid_on_no_topic(record: type) -> None:
    gate = WireGate(record)
    for _, value in poisons():
        if value is not None:
            with pytest.raises(ValueError):
                gate.decode(value)


@pytest.mark.parametrize(
    ("measured", "least", "passed"),
    [(0, False, True), (1, False, True), (2, False, False), (0, True, False), (1, True, True)],
)
def test_a_check_compares_with_its_limit(measured: int, least: bool, passed: bool) -> None:
    check = figure("things", "things", 1, " s", least=least)
    outcome = check.on(Facts({}, {"things": measured}))
    assert outcome["passed"] is passed
    assert outcome["limit"] == ("at least 1 s" if least else "at most 1 s")
    assert outcome["measured"] == f"{measured} s"


def test_a_limit_may_depend_on_the_figures() -> None:
    check = figure("things", "things", lambda facts: facts.figures["kills"] * 2)
    assert check.on(Facts({}, {"things": 4, "kills": 2}))["passed"]
    assert not check.on(Facts({}, {"things": 5, "kills": 2}))["passed"]


def test_every_scenario_checks_conservation() -> None:
    keys = {check.key for check in CONSERVATION}
    for scenario in SCENARIOS.values():
        checked = {check.key for check in scenario.all_checks}
        assert {"lost", "pending", "duplicates", "repeated_calls"} <= checked
        impatient = {"given_up"} if scenario.patience_seconds < 10 else set()
        assert scenario.perform is not None or keys - impatient <= checked


def test_an_end_that_is_gone_or_other_has_changed_but_a_new_round_has_not() -> None:
    before = {"a": (0, ("x",)), "b": (0, ("x",)), "c": (0, ("x",)), "d": (1, ("x",))}
    after = {"a": (0, ("x",)), "b": (0, ("y",)), "d": (2, ("y",)), "e": (0, ("z",))}
    assert changed_ends(before, after) == 2
    assert changed_ends({"d": (1, ("x",))}, {"d": (0, ("x",))}) == 1


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 0.99) == 0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2
    assert percentile([float(n) for n in range(100)], 0.99) == 99
