"""Running checks side by side: each in a thread of its own that may hang without holding up others.

A thread is a daemon, and has an event loop: a check may block or await, as it likes. One that is
over its time is reported, and left behind.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from app.config.secret_urls import MASK
from app.doctor.check import Check, Run, Site
from app.doctor.outcome import Outcome, Result, Status, advice, problem, skipped
from app.errors import AnswerloopError
from app.settings import URLS_WITH_PASSWORDS, Settings, secret_settings

#: More at once would only take each other's time.
_AT_ONCE = 8
_POLL_SECONDS = 0.5
_left_behind: list[threading.Thread] = []

#: Called with the names of the checks that run, and how many have ended.
Watcher = Callable[[Sequence[str], int], None]


@dataclass(slots=True)
class _Run:
    check: Check
    thread: threading.Thread
    started: float

    @property
    def deadline(self) -> float:
        return self.started + self.check.seconds


def examine(site: Site, checks: Sequence[Check], watch: Watcher | None = None) -> list[Result]:
    """Run the checks and return their results in their order. Raises nothing of theirs.

    A check that needs another one waits for it, where it is among `checks`.
    """
    return _Examination(site, checks, watch or (lambda _names, _ended: None)).run()


def is_hanging() -> bool:
    """Tell whether a check that was left behind still runs: such a thread can't be ended."""
    return any(thread.is_alive() for thread in _left_behind)


class _Examination:
    def __init__(self, site: Site, checks: Sequence[Check], watch: Watcher) -> None:
        self._site = site
        self._checks = checks
        self._names = {check.name for check in checks}
        self._watch = watch
        self._waiting = list(checks)
        self._running: dict[str, _Run] = {}
        self._results: dict[str, Result] = {}
        self._ended: queue.SimpleQueue[tuple[str, Outcome]] = queue.SimpleQueue()

    def run(self) -> list[Result]:
        while self._waiting or self._running:
            self._start_ready()
            self._watch(list(self._running), len(self._results))
            if self._running:
                self._await_one()
            self._give_up_late()
        self._watch([], len(self._results))
        return [self._results[check.name] for check in self._checks]

    def _start_ready(self) -> None:
        for check in list(self._waiting):
            if check.needs in self._names and check.needs not in self._results:
                continue
            if refusal := self._refused_by(check.needs):
                self._waiting.remove(check)
                self._note(check, refusal, 0.0)
            elif len(self._running) < _AT_ONCE:
                self._waiting.remove(check)
                self._start(check)

    def _refused_by(self, needed: str | None) -> Outcome | None:
        before = self._results.get(needed or "")
        if before is None or before.outcome.status in (Status.OK, Status.WARNING):
            return None
        return skipped(f"needs the check {needed}, which is {before.outcome.status}")

    def _start(self, check: Check) -> None:
        try:
            run = check.function()
        except Exception as error:  # noqa: BLE001 (a library that can't be imported, say)
            self._note(check, broken(error), 0.0)
            return

        def work() -> None:
            self._ended.put((check.name, _outcome_of(run, self._site)))

        thread = threading.Thread(target=work, name=f"doctor-{check.name}", daemon=True)
        self._running[check.name] = _Run(check, thread, time.monotonic())
        thread.start()

    def _await_one(self) -> None:
        soonest = min(run.deadline for run in self._running.values())
        patience = min(max(0.0, soonest - time.monotonic()), _POLL_SECONDS)
        try:
            name, outcome = self._ended.get(timeout=patience)
        except queue.Empty:
            return
        run = self._running.pop(name, None)
        if run is not None:  # else it had been given up
            self._note(run.check, outcome, time.monotonic() - run.started)

    def _give_up_late(self) -> None:
        now = time.monotonic()
        for name, run in list(self._running.items()):
            if now > run.deadline and self._ended.empty():
                del self._running[name]
                _left_behind.append(run.thread)
                self._note(run.check, _late(run.check), now - run.started)

    def _note(self, check: Check, outcome: Outcome, seconds: float) -> None:
        safe = redacted(self._site.settings, outcome)
        self._results[check.name] = Result(check.name, check.area, safe, seconds)


def redacted(settings: Settings, outcome: Outcome) -> Outcome:
    """Return an outcome in which no secret of the settings stands, whatever a library quoted."""

    def clean(text: str) -> str:
        for secret in secrets_of(settings):
            text = text.replace(secret, MASK)
        return text

    mends = tuple(replace(mend, text=clean(mend.text)) for mend in outcome.mends)
    return replace(outcome, seen=clean(outcome.seen), mends=mends)


def secrets_of(settings: Settings) -> list[str]:
    """Return the secret values: settings that are secret as a whole, passwords inside URLs."""
    found = [
        value.get_secret_value()
        for name in secret_settings()
        if (value := getattr(settings, name)) is not None
    ]
    for name in URLS_WITH_PASSWORDS:
        user, at, _ = str(getattr(settings, name)).partition("://")[2].rpartition("@")
        password = user.partition(":")[2] if at else ""
        found += [password, unquote(password)]
    return sorted(filter(None, found), key=len, reverse=True)


def _outcome_of(run: Run, site: Site) -> Outcome:
    async def within() -> Outcome:
        return await run(site)

    try:
        return asyncio.run(within())
    except AnswerloopError as error:
        return problem(str(error))
    except Exception as error:  # noqa: BLE001 (a broken check is a result; the others go on)
        return broken(error)


def broken(error: BaseException) -> Outcome:
    """Return what a check comes to that raised what it should not."""
    words = " ".join(str(error).split())[:300]
    return Outcome(
        Status.BROKEN,
        f"the check itself failed: {type(error).__name__}{': ' if words else ''}{words}",
        (advice("a defect of this program: report it with this line and `answerloop --version`"),),
    )


def _late(check: Check) -> Outcome:
    return problem(
        f"no answer within {check.seconds:g} s",
        advice(f"what is looked at hangs ({check.about}): look at its own log and the network"),
    )
