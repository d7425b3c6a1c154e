"""The questions of a run: request n is always the same one, whatever came before it.

Every question says which run and which number it is of, in its text and in its metadata. So its id,
which is derived from the text, is not that of any real question, and a model server's cache of
prompts does not know it. A repeat is an earlier question to the letter: it has that one's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

import orjson

from app.errors import InputError
from app.files.layout import Layout
from app.files.read import read_questions
from app.files.rows import MAX_QUESTION_CHARACTERS, QuestionRow
from app.load.draws import uniform
from app.load.lengths import Lengths
from app.load.texts import make_question, make_reference

#: Of a file that many rows are used, in turn: they are held in memory.
MOST_ROWS = 100_000
#: Streams of random numbers: whether a request repeats another one, which, and whether a question
#: is sent with its reference.
_WHETHER, _WHICH, _REFERENCE = 1, 2, 3


class Text(NamedTuple):
    question: str
    reference: str | None


class Request(NamedTuple):
    """A body to post. `number` is that of the request whose question it is: its own, or earlier."""

    number: int
    body: bytes


class Source(Protocol):
    def __call__(self, n: int, seed: int) -> Text:
        """Return the text of question n of a seed."""
        ...


def from_file(path: Path, format_: str | None = None) -> tuple[Source, int, int]:
    """Return a source of the file's good rows, in turn; how many those are, and the bad ones.

    Raises InputError when there is no good row.
    """
    rows = list(islice(read_questions(path, Layout(format_)), MOST_ROWS))
    good = [Text(r.question_text, r.original_answer) for r in rows if isinstance(r, QuestionRow)]
    if not good:
        raise InputError(f"{path} has no row that can be asked", field="questions")
    return partial(_in_turn, good), len(good), len(rows) - len(good)


def synthetic(lengths: Lengths, languages: Sequence[str]) -> Source:
    """Return a source of texts without sense; references are as long as questions are."""
    return partial(_made, lengths, tuple(languages))


def _in_turn(rows: Sequence[Text], n: int, seed: int) -> Text:  # noqa: ARG001 (a Source)
    return rows[n % len(rows)]


def _made(lengths: Lengths, languages: tuple[str, ...], n: int, seed: int) -> Text:
    draw = Random(f"{seed}:question:{n}")
    language = draw.choice(languages)
    question = make_question(draw, lengths.draw(draw), language)
    return Text(question, make_reference(draw, lengths.draw(draw), language))


@dataclass(frozen=True, slots=True)
class Questions:
    """Bodies for `POST /query`.

    `repeats` is the share of requests that ask an earlier question again: the k-th of the run with
    a likelihood near 1 / k^`zipf`, so that few are asked often. `references` is the share of
    questions that are sent with their reference, where they have one.
    """

    run: str
    source: Source
    seed: int
    repeats: float = 0.0
    zipf: float = 1.0
    references: float = 1.0
    path: str = "/query"

    def make(self, n: int, due: float) -> Request:  # noqa: ARG002 (as of any traffic)
        """Return request n, n from 0, whenever it is due."""
        number = self._number(n)
        text = self.source(number, self.seed)
        mark = f" [load {self.run}-{number}]"
        body: dict[str, object] = {
            "question_text": text.question[: MAX_QUESTION_CHARACTERS - len(mark)] + mark,
            "metadata": {"load_run": self.run, "number": number},
        }
        kept = uniform(self.seed, _REFERENCE, number) < self.references
        if text.reference is not None and kept:
            body["original_answer"] = text.reference
        return Request(number, orjson.dumps(body))

    def _number(self, n: int) -> int:
        """Return which question request n asks. A repeat of a repeat is one of the original."""
        while self.repeats and n:
            if uniform(self.seed, _WHETHER, n) >= self.repeats:
                return n
            n = zipf_rank(uniform(self.seed, _WHICH, n), n, self.zipf)
        return n


def zipf_rank(uniform: float, count: int, exponent: float) -> int:
    """Return a rank from 0 to `count` - 1, for a number from 0 to 1, by (nearly) Zipf's law.

    The inverse of the law's integral over 1 to count + 1: no table, whatever `count` is.
    """
    most = count + 1.0
    if abs(exponent - 1.0) < 1e-9:
        at = most**uniform
    else:
        power = 1.0 - exponent
        at = (1.0 + uniform * (most**power - 1.0)) ** (1.0 / power)
    return min(count - 1, max(0, int(at) - 1))
