"""Questions streamed from a store by filters, against a plain look at all of them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters.store.memory import MemoryStore
from app.core.gate import Score
from app.core.identity import RunRows, idempotent_id, question_id
from app.core.lifecycle import Status, Turn
from app.core.questions import CallKey, StoredQuestion
from app.errors import InputError
from app.files import QuestionRow
from app.ports import CallAnswer, ClaimRequest, Ending
from app.quality_report import reading
from app.quality_report.builder import Report
from app.quality_report.making import fill_from_database
from app.quality_report.reading import Wanted, ids_of_file, ids_of_run, stream, stream_ids
from app.quality_report.results import read_results
from app.settings import load_settings

FIRST = Turn(0, 1, 1)
STATES = (Status.VALIDATED, Status.LOW_QUALITY, Status.UNSCORED, Status.DEAD)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_READ", 7)


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    for n in range(40):
        call = CallKey(f"q{n:02}", *FIRST)
        await store.claim(ClaimRequest(call, "w", 30.0, "m", float(n)))
        await store.record_answer(call, "w", CallAnswer("a", 2.0, 5, None, 7))
        status = STATES[n % 4]
        score = Score(0.5, 0.5, 0.5) if n % 4 < 2 else None
        await store.finish(
            [
                Ending(
                    f"q{n:02}",
                    FIRST,
                    status,
                    "Q?",
                    "R.",
                    "m",
                    float(n // 2),
                    float(n // 2 + 5),
                    answer="a",
                    score=score,
                    metadata={"third": n % 3, "even": n % 2 == 0},
                )
            ]
        )
    return store


async def ids(batches: AsyncIterator[list[StoredQuestion]]) -> list[str]:
    return [question.question_id async for batch in batches for question in batch]


@pytest.mark.parametrize(
    ("since", "until", "statuses", "metadata"),
    list(
        itertools.product(
            (None, 4.0, 30.0),
            (None, 15.0),
            ((), (Status.DEAD,), (Status.DEAD, Status.VALIDATED)),
            ({}, {"third": "1"}, {"even": "true"}),
        )
    ),
)
async def test_each_that_fits_comes_once_the_newest_first(
    store: MemoryStore,
    since: float | None,
    until: float | None,
    statuses: tuple[Status, ...],
    metadata: dict[str, str],
) -> None:
    expected = [
        f"q{n:02}"
        for n in reversed(range(40))
        if (since is None or n // 2 >= since)
        and (until is None or n // 2 < until)
        and (not statuses or STATES[n % 4] in statuses)
        and ("third" not in metadata or n % 3 == 1)
        and ("even" not in metadata or n % 2 == 0)
    ]
    assert await ids(stream(store, Wanted(since, until, statuses, metadata))) == expected


async def test_ids_come_in_their_order_equal_ones_again(store: MemoryStore) -> None:
    asked = ["q05", "q03", "nobody", "q05", *(f"q{n:02}" for n in range(12)), "q05"]
    expected = [each for each in asked if each != "nobody"]
    assert await ids(stream_ids(store, iter(asked), Wanted())) == expected
    dead = await ids(stream_ids(store, iter(asked), Wanted(statuses=[Status.DEAD])))
    assert dead == ["q03", "q03", "q07", "q11"]


async def test_calls_of_a_question_that_comes_twice_are_paid_once(store: MemoryStore) -> None:
    report = Report()
    batches = stream_ids(store, iter(["q00", "q01", "q00"] * 9), Wanted())
    await fill_from_database(report, store, batches, lambda _: None, repeats=True)
    assert report.figures.questions == 27
    assert report.figures.costs["m"].calls == 2
    assert report.figures.costs["m"].prompt_tokens == 14
    assert report.figures.prompts_known


def test_a_file_s_rows_have_the_ids_of_a_fresh_run_bad_ones_not_counted(tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    file.write_text("question,answer\nOne?,1\n,bad row\nTwo?,2\n")
    keys = RunRows("r1")
    asked = [QuestionRow(2, "One?", "1", {}), QuestionRow(4, "Two?", "2", {})]
    assert list(ids_of_run("r1", file)) == [idempotent_id(keys.key(row)) for row in asked]


async def test_a_file_s_rows_have_the_ids_of_run(tmp_path: Path) -> None:
    file = tmp_path / "q.csv"
    file.write_text("question,answer\nOne?,1\n,bad row\nTwo?,2\n")
    asked = load_settings().model_copy(update={"llm": "bundled:"})
    model = "smollm2-135m"
    assert list(await ids_of_file(asked, file)) == [
        question_id("One?", "1", model),
        question_id("Two?", "2", model),
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("r.txt", "", "read from .jsonl or .csv"),
        ("none.jsonl", None, "no such file"),
        (
            "r.jsonl",
            '{"question_text": "q", "status": "validated"}\n{"a"\n',
            "line 2: this is not JSON",
        ),
        ("r.jsonl", "[1]\n", "line 1: this is no JSON object"),
        ("r.jsonl", '{"question_text": "q", "status": "fine"}\n', "line 1: .* status is none of"),
        ("r.jsonl", '{"status": "dead"}\n', "line 1: .* question_text is missing"),
        ("r.csv", "a,b\n1,2\n", "no column question_text"),
        ("r.csv", b"question_text,status\n\xff,dead\n", "can't be read"),
        ("r.csv", '"question_text"x,status\na,validated\n', "line 1: .* expected"),
        ("r.csv", 'question_text,status\n"a"x,validated\n', "line 2: .* expected"),
    ],
)
def test_what_is_no_results_file_is_told(
    tmp_path: Path, name: str, content: str | bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=said):
        list(read_results(path))
