"""Scripts: what is on when, what a call draws, and what is refused with which field."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from app.errors import InputError
from app.fake_llm.scenarios import SCENARIOS
from app.fake_llm.script import Phase, Script, draw, load_script, read_script, read_step
from app.fake_llm.steps import Step


def script_of(document: Any) -> Script:
    return read_script(json.dumps(document).encode())


def test_a_list_is_phases_by_time() -> None:
    script = script_of(
        [
            {"from": 0, "to": 60, "fault": "overloaded"},
            {"from": 60, "to": 120, "fault": ["reset", "html"], "share": 0.25},
            {"from": 90, "latency_factor": 10, "capacity": 4, "queue": 0},
        ]
    )
    assert [[phase.name for phase in script.at(second)] for second in (0, 59.9, 60, 100, 500)] == [
        ["overloaded"],
        ["overloaded"],
        ["reset, html"],
        ["reset, html", ""],
        [""],
    ]
    assert script.phases[1].share == 0.25
    assert script.phases[2] == Phase(90, latency_factor=10, capacity=4, queue=0)


def test_an_object_has_phases_questions_and_a_default() -> None:
    script = script_of(
        {
            "questions": {"Why?": [{"status": 429, "retry_after": 2}, {"text": "So."}]},
            "default": {"fault": "overloaded", "retry_after": "soon"},
        }
    )
    assert script.questions == {
        "Why?": [Step(status=429, headers={"Retry-After": "2"}), Step(text="So.")]
    }
    assert script.default == Step(fault="overloaded", headers={"Retry-After": "soon"})


def test_the_edges_of_phases_are_the_changes() -> None:
    script = script_of([{"from": 5, "to": 9, "fault": "refused"}, {"from": 7, "fault": "html"}])
    assert [script.next_change(second) for second in (0, 5, 7, 9)] == [5, 7, 9, None]
    assert [script.port_at(second) for second in (4.9, 5, 8.9, 9)] == [
        None,
        "refused",
        "refused",
        None,
    ]


def test_a_share_is_of_the_calls_and_the_rest_looks_further() -> None:
    some = Phase(0, share=0.3, steps=(Step(fault="reset"),))
    rest = Phase(0, steps=(Step(fault="html"),))
    drawn = [draw([some, rest], random.Random(n)) for n in range(2000)]
    faults = [found[1].fault for found in drawn if found is not None and found[1] is not None]
    assert len(faults) == 2000
    assert 520 < faults.count("reset") < 680
    assert draw([Phase(0, share=0.0, steps=(Step(),))], random.Random(1)) is None


@pytest.mark.parametrize("field", ['"done_reason": "length"', '"headers": {"X-Odd": "1"}'])
def test_a_phase_that_changes_one_thing_has_its_step(field: str) -> None:
    [phase] = read_script(b'[{%s, "to": 60}]' % field.encode()).phases
    assert len(phase.steps) == 1


def test_a_phase_that_only_limits_takes_no_call() -> None:
    limits, fault = Phase(0, capacity=2), Phase(0, steps=(Step(fault="html"),))
    assert draw([limits, fault], random.Random(1)) == (fault, Step(fault="html"))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", None),
        ("7", None),
        ('[{"from": "soon"}]', "[0].from"),
        ('[{"from": -1}]', "[0].from"),
        ('[{"shares": 1}]', "[0].shares"),
        ('[{"share": 1.5}]', "[0].share"),
        ('[{"from": 5, "to": 5}]', "phases[0].to"),
        ('[{"fault": "resett"}]', "phases[0].fault"),
        ('[{"fault": ["reset", "refused"]}]', "phases[0].fault"),
        ('[{"status": 42}]', "[0].status"),
        ('[{"capacity": 0}]', "[0].capacity"),
        ('{"question": {}}', "question"),
        ('{"questions": {"Why?": {}}}', "questions[...]"),
        ('{"questions": {"Why?": [{"fault": "refused"}]}}', "questions.Why?[0].fault"),
        ('{"default": {"fault": "nope"}}', "default.fault"),
    ],
)
def test_what_can_not_be_used_is_refused_naming_the_field(text: str, field: str | None) -> None:
    with pytest.raises(InputError) as caught:
        read_script(text.encode())
    assert caught.value.field == field
    assert field is None or field in str(caught.value)


def test_an_empty_step_is_none() -> None:
    assert read_step(b"{}") is None
    assert read_step(b"null") is None
    assert read_step(b'{"status": 503}') == Step(status=503)


def test_a_file_is_named_in_its_error(tmp_path: Path) -> None:
    file = tmp_path / "drill.json"
    file.write_text('[{"fault": "nope"}]')
    with pytest.raises(InputError, match=r"drill\.json: phases\[0\]\.fault: no fault 'nope'"):
        load_script(file)


def test_the_scenario_of_everything_has_every_mode_of_a_call() -> None:
    script = SCENARIOS["everything"].script
    assert [len(script.at(second)) for second in (0, 5, 100)] == [1, 1, 1]
