"""Results to report: as `run --out` writes them, made from a seed, and hostile ones."""

from __future__ import annotations

from random import Random
from typing import Any

from app.quality_report.builder import Beside, Report, building
from app.quality_report.page import About, render

ABOUT = About(1_764_000_000.0, "results.jsonl")

#: Texts that try to leave the place they are put in, to run, or to turn the reader's eye.
HOSTILE = (
    "<script>document.title='ran'</script>",
    "</script><script>document.title='ran'</script>",
    "</SCRIPT ><img src=x onerror=\"document.title='ran'\">",
    "<!--<script>",
    "]]></failure><testcase/>",
    "\"'><svg onload=document.title='ran'>",
    "javascript:document.title='ran'",
    "\\u003c/script\\u003e \\",
    "\u202eevil\u202c \u2066isolated",
    "line\u2028separator\u2029",
    "nul\x00bell\x07escape\x1b[31m",
    "{{constructor.constructor('document.title=1')()}}",
    "__proto__",
    "&lt;b&gt; &amp; &#x3c;",
)


def attempt(n: int, **more: Any) -> dict[str, Any]:
    return {
        "generation": n,
        "attempt": 1,
        "model": "m",
        "started_at": "2026-01-01T00:00:00.000Z",
        "seconds": 1.5,
        "tokens": 10,
        "waited_seconds": 0.0,
        **more,
    }


def result(number: int, status: str, score: float | None = None, **more: Any) -> dict[str, Any]:
    figures = dict.fromkeys(("precision", "recall", "f1"), score)
    made = {
        "question_id": f"id-{number}",
        "status": status,
        "question_text": f"Question {number}?",
        "original_answer": None if status == "unscored" else f"Reference {number}.",
        "answer": None if status == "dead" else f"Answer {number}.",
        **figures,
        "threshold": None if score is None else 0.5,
        "metric": None if score is None else "f1",
        "scorer": None if score is None else "s:1",
        "generation": 1,
        "cause": "unauthorized" if status == "dead" else None,
        "why": None,
        "accepted_at": "2026-01-01T00:00:00.000Z",
        "finished_at": "2026-01-01T00:00:10.000Z",
        "metadata": {},
    } | more
    if "attempts" not in made:
        last = attempt(made["generation"], **figures)
        last |= (
            {"answer": made["answer"]} if made["answer"] is not None else {"cause": "unauthorized"}
        )
        made["attempts"] = [
            *(attempt(n, answer="weak") for n in range(1, made["generation"])),
            last,
        ]
    return made


def random_results(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return results of all states; the topic `hard` passes less often."""
    random = Random(seed)
    made = []
    for number in range(count):
        topic = random.choice(["easy", "easy", "hard"])
        kind = random.random()
        metadata = {"topic": topic, "row": number}
        if kind < 0.04:
            made.append(result(number, "dead", metadata=metadata))
        elif kind < 0.08:
            made.append(result(number, "unscored", metadata=metadata))
        else:
            score = round(random.gauss(0.5 if topic == "hard" else 0.7, 0.1), 6)
            status = "validated" if score >= 0.5 else "low_quality"
            generation = 3 if status == "low_quality" else random.choice([1, 1, 1, 2, 3])
            made.append(result(number, status, score, generation=generation, metadata=metadata))
    return made


def hostile_results() -> list[dict[str, Any]]:
    """Return a question for each hostile text, in every field that holds a text."""
    made = []
    for number, bad in enumerate(HOSTILE):
        calls = [
            attempt(1, model=bad, cause=bad, why=f"guard refusal: {bad}", waited_seconds=1.0),
            attempt(2, model=bad, answer=bad, verdict=bad, why=bad, f1=0.2),
        ]
        made.append(
            result(
                number,
                ("low_quality", "dead", "validated")[number % 3],
                0.2,
                question_id=bad,
                question_text=bad,
                original_answer=bad,
                answer=bad,
                cause=bad,
                why=bad,
                scorer=bad,
                metric=bad if number == 3 else "f1",
                metadata={"topic": HOSTILE[number % 2], bad: bad, "category": bad},
                attempts=calls,
            )
        )
    return made


def report_of(results: list[dict[str, Any]]) -> Report:
    with building(Beside()) as report:
        for each in results:
            report.add(each)
    return report


def page_of(results: list[dict[str, Any]], about: About = ABOUT) -> str:
    return render(report_of(results), about)
