"""The flood breaker: when too many questions die, no new ones are taken in for a while.

What counts is how questions end, each question once: one that is asked again and again in new
rounds has one voice. Rejected messages have none: nobody closes the intake by writing garbage. A
death that lies in its question (too long, refused by the model) counts only while no question
passes at all, so that one client's questions can't close the intake for others whose questions
pass. Times are Unix seconds, and arguments.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from enum import Enum

from app.core.lifecycle import Status

#: Deaths without a call: they say something about a message, nothing about how calls go.
_NO_CALL = frozenset({"rejected", "anti_cycle", "unknown_cause"})
#: Deaths that lie in the question; a wrong setting can make all questions die of these, too.
_OF_THE_QUESTION = frozenset(
    {"bad_request", "request_too_large", "unprocessable", "context_exceeded", "score_failure"}
)
#: More ends than this are not remembered, however long the window.
MAX_REMEMBERED = 50_000
#: Probes that must pass one after the other.
PASSES_TO_CLOSE = 3


class Voice(Enum):
    """What the end of a question says."""

    PASSED = "passed"
    SYSTEM = "system"
    QUESTION = "question"


class Door(Enum):
    """Where questions come in; each door lets its own probes through."""

    INTAKE = "intake"
    ADMIT = "admit"


def voice_of(status: Status, cause: str | None, *, called: bool) -> Voice | None:
    """Return what an end says; None when it says nothing. `called`: the model was asked."""
    if status is not Status.DEAD:
        return Voice.PASSED
    if not called or cause in _NO_CALL:
        return None
    return Voice.QUESTION if cause in _OF_THE_QUESTION else Voice.SYSTEM


@dataclass(frozen=True, slots=True)
class FloodPolicy:
    """When intake stops: more than `share` (1: never) of at least `min_ends` ends in the window.

    While it is stopped one question each `probe_seconds` comes in at each door.
    """

    share: float = 0.5
    window_seconds: float = 60.0
    min_ends: int = 50
    probe_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Flood:
    """Why intake is stopped: the figures of the moment in which it was."""

    since: float
    dead: int
    ended: int
    window_seconds: float
    causes: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        causes = ", ".join(f"{name} {count}" for name, count in self.causes[:3])
        return (
            f"flood: {self.dead} of {self.ended} questions that ended within"
            f" {self.window_seconds:.0f} s are dead ({causes}). Mend the cause; a question is tried"
            " now and then, and intake opens when they pass, or at once by: answerloop dlq resume"
        )


@dataclass(slots=True)
class _End:
    at: float
    voice: Voice
    cause: str


@dataclass
class FloodBreaker:
    """Closed (all come in) or open (probes only). Never stays open while questions pass."""

    policy: FloodPolicy
    flood: Flood | None = None
    _ends: OrderedDict[str, _End] = field(default_factory=OrderedDict)
    _voices: Counter[Voice] = field(default_factory=Counter)
    _next_probe: dict[Door, float] = field(default_factory=dict)
    _passes: int = 0

    def ended(
        self, question_id: str, voice: Voice, cause: str | None, at: float, now: float
    ) -> bool:
        """Note an end at `at`; tell whether intake was stopped or opened by it.

        An end that is older than the window (a replay) or in the future says nothing.
        """
        self._forget(now)
        if not now - self.policy.window_seconds < at <= now + self.policy.window_seconds:
            return False
        self._drop(question_id)
        self._ends[question_id] = _End(min(at, now), voice, cause or "")
        self._voices[voice] += 1
        if len(self._ends) > MAX_REMEMBERED:
            self._drop(next(iter(self._ends)))
        return self._opened(now) if self.flood is None else self._closed(voice, at)

    def wait(self, door: Door, now: float) -> float:
        """Return 0 when a question may come in, else for how many seconds none may.

        While intake is stopped, a 0 is the permission for one question.
        """
        if self.flood is None:
            return 0.0
        due = self._next_probe.get(door, self.flood.since + self.policy.probe_seconds)
        left = due - now
        if 0 < left <= self.policy.probe_seconds:  # more: the clock was set back
            return left
        self._next_probe[door] = now + self.policy.probe_seconds
        return 0.0

    def resume(self) -> bool:
        """Open the intake by an operator's word; tell whether it was stopped."""
        if self.flood is None:
            return False
        self._reset()
        return True

    def share(self, now: float) -> float:
        """Return the share of deaths among the ends that count now; 0 without any."""
        self._forget(now)
        dead, ended = self._figures()
        return dead / ended if ended else 0.0

    def _figures(self) -> tuple[int, int]:
        passed = self._voices[Voice.PASSED]
        dead = self._voices[Voice.SYSTEM]
        if not passed:
            dead += self._voices[Voice.QUESTION]
        return dead, dead + passed

    def _opened(self, now: float) -> bool:
        dead, ended = self._figures()
        if ended < self.policy.min_ends or dead <= self.policy.share * ended:
            return False
        voices = {Voice.SYSTEM} if self._voices[Voice.PASSED] else {Voice.SYSTEM, Voice.QUESTION}
        causes = Counter(end.cause for end in self._ends.values() if end.voice in voices)
        window = self.policy.window_seconds
        self.flood = Flood(now, dead, ended, window, tuple(causes.most_common()))
        self._next_probe.clear()
        self._passes = 0
        return True

    def _closed(self, voice: Voice, at: float) -> bool:
        """While stopped: enough passes in a row open it. They may come from work in flight."""
        if self.flood is None or at < self.flood.since:
            return False
        match voice:
            case Voice.PASSED:
                self._passes += 1
            case Voice.SYSTEM:
                self._passes = 0
            case Voice.QUESTION:
                pass
        if self._passes < PASSES_TO_CLOSE:
            return False
        self._reset()
        return True

    def _reset(self) -> None:
        """Begin anew: the deaths of the flood must not stop the intake a second time."""
        self.flood = None
        self._ends.clear()
        self._voices.clear()
        self._next_probe.clear()
        self._passes = 0

    def _forget(self, now: float) -> None:
        oldest = now - self.policy.window_seconds
        while self._ends:
            question_id, end = next(iter(self._ends.items()))
            if oldest < end.at:
                return
            self._drop(question_id)

    def _drop(self, question_id: str) -> None:
        end = self._ends.pop(question_id, None)
        if end is not None:
            self._voices[end.voice] -= 1
