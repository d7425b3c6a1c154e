"""What is asked: the same for the same seed, never a real question, repeats to the letter."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest

from app.errors import InputError
from app.files.rows import MAX_QUESTION_CHARACTERS
from app.load.draws import uniform
from app.load.lengths import read_lengths
from app.load.questions import Questions, Text, from_file, synthetic, zipf_rank
from app.load.ratings import Ratings
from app.load.texts import make_question
from app.samples import bad_rows_path, samples_path
from app.web.rating_intake import RatingLimits, read_ratings

SAMPLES, GOOD, _ = from_file(samples_path())


def bodies(questions: Questions, count: int) -> list[dict[str, Any]]:
    return [json.loads(questions.make(n, 0.0).body) for n in range(count)]


def test_a_run_asks_nothing_twice_and_nothing_that_another_run_asked() -> None:
    one = [each["question_text"] for each in bodies(Questions("run-1", SAMPLES, 1), 150)]
    two = [each["question_text"] for each in bodies(Questions("run-2", SAMPLES, 1), 150)]
    assert len(set(one)) == 150  # the sixty samples in turn
    assert not set(one) & set(two)
    assert bodies(Questions("run-1", SAMPLES, 1), 150) == bodies(
        Questions("run-1", SAMPLES, 1), 150
    )
    first = bodies(Questions("run-1", SAMPLES, 1), 1)[0]
    assert first["question_text"] == "What is the capital of France? [load run-1-0]"
    assert first["metadata"] == {"load_run": "run-1", "number": 0}


def test_repeats_are_earlier_questions_to_the_letter_and_the_first_ones_most() -> None:
    questions = Questions("r", SAMPLES, 7, repeats=0.4)
    made = [questions.make(n, 0.0) for n in range(3_000)]
    repeated = [(n, each) for n, each in enumerate(made) if each.number != n]
    assert len(repeated) / len(made) == pytest.approx(0.4, abs=0.04)
    for n, each in repeated:
        assert each.number < n
        assert each == made[each.number]
    asked = Counter(each.number for _, each in repeated)
    early = sum(count for number, count in asked.items() if number < 30)
    assert early > len(repeated) * 0.3  # 1 % of the questions
    assert len({each.body for each in made}) == len(made) - len(repeated)


def test_draws_by_name_are_uniform_and_do_not_follow_each_other() -> None:
    drawn = [uniform(7, 1, n) for n in range(20_000)]
    tenths = Counter(int(each * 10) for each in drawn)
    assert set(tenths) == set(range(10))
    assert all(1_800 < count < 2_200 for count in tenths.values())
    mean = sum(drawn) / len(drawn)
    spread = sum((each - mean) ** 2 for each in drawn)
    for others in (drawn[1:], [uniform(7, 2, n) for n in range(20_000)]):
        together = sum((a - mean) * (b - mean) for a, b in zip(drawn, others, strict=False))
        assert abs(together / spread) < 0.03
    assert uniform(8, 1, 0) != uniform(7, 1, 0) == drawn[0]


def test_zipf_ranks_fall_as_the_law_says() -> None:
    draw = Random(2)
    for exponent in (0.0, 0.8, 1.0, 2.0):
        seen = Counter(zipf_rank(draw.random(), 1_000, exponent) for _ in range(20_000))
        assert set(seen) <= set(range(1_000))
        tens = sum(seen[n] for n in range(10))
        weights = [1 / (n + 1) ** exponent for n in range(1_000)]
        assert tens / 20_000 == pytest.approx(sum(weights[:10]) / sum(weights), abs=0.05)
    assert zipf_rank(0.0, 1, 1.0) == zipf_rank(0.999_999, 1, 1.0) == 0


def test_the_share_with_references() -> None:
    with_ = sum("original_answer" in each for each in bodies(Questions("r", SAMPLES, 1), 60))
    some = Questions("r", SAMPLES, 1, references=0.3)
    count = sum("original_answer" in each for each in bodies(some, 1_000))
    assert count == pytest.approx(300 * with_ / 60, abs=60)
    none = Questions("r", SAMPLES, 1, references=0.0)
    assert not any("original_answer" in each for each in bodies(none, 60))


def test_a_text_of_any_length_has_room_for_its_mark() -> None:
    questions = Questions("r", lambda n, seed: Text("x" * MAX_QUESTION_CHARACTERS, None), 1)
    text = bodies(questions, 1)[0]["question_text"]
    assert len(text) == MAX_QUESTION_CHARACTERS
    assert text.endswith(" [load r-0]")


@pytest.mark.parametrize(
    ("text", "least", "middle", "most"),
    [("fixed:9", 9, 9, 9), ("uniform:5-40", 5, 22.5, 40), ("lognormal:20,0.5", 1, 20, 2000)],
)
def test_lengths(text: str, least: int, middle: float, most: int) -> None:
    lengths, draw = read_lengths(text), Random(1)
    drawn = [lengths.draw(draw) for _ in range(2_000)]
    assert least <= min(drawn)
    assert max(drawn) <= most
    assert median(drawn) == pytest.approx(middle, rel=0.1)


@pytest.mark.parametrize(
    "text", ["", "12", "fixed:0", "uniform:9-3", "lognormal:12", "normal:3,1", "fixed:9999999"]
)
def test_lengths_that_are_none_are_named(text: str) -> None:
    with pytest.raises(InputError, match="--words"):
        read_lengths(text)


def test_synthetic_questions_are_in_both_languages_and_have_their_words() -> None:
    questions = Questions("r", synthetic(read_lengths("fixed:12"), ("en", "es")), 3)
    texts = [each["question_text"] for each in bodies(questions, 200)]
    spanish = [text for text in texts if text.startswith("¿")]
    assert 60 < len(spanish) < 140
    assert {len(text.split()) for text in texts} == {12 + 2}  # and the mark
    assert all("original_answer" in each for each in bodies(questions, 5))
    assert make_question(Random(1), 2, "es").endswith("?")


def test_a_file_gives_its_good_rows_and_counts_the_bad_ones(tmp_path: Path) -> None:
    source, good, bad = from_file(bad_rows_path())
    assert good > 0
    assert bad > 0
    assert source(0, 1) == source(good, 1)
    assert source(0, 1) != source(1, 1)
    empty = tmp_path / "none.jsonl"
    empty.write_text('{"question_text": " "}\n')
    with pytest.raises(InputError, match="no row"):
        from_file(empty)


def test_ratings_are_ones_that_the_service_takes() -> None:
    limits = RatingLimits(50, 20)
    one = Ratings(1, 1_700_000_000_000, 50, 20)
    several = Ratings(1, 1_700_000_000_000, 50, 20, batch=1_000)
    assert len(read_ratings(one.make(0, 0.0).body, limits)) == 1
    ratings = read_ratings(several.make(0, 2.5).body, limits)
    assert len(ratings) == 1_000
    assert {each.timestamp for each in ratings} == {1_700_000_002_500}
    assert len({each.userId for each in ratings}) == 50
