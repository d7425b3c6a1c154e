"""When the first event was taken up and the last one done, in one line of JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from typing import Any


class Stopwatch:
    """Runs from the first `begin`; `done` says when `goal` events have been counted."""

    def __init__(self, goal: int) -> None:
        self.goal = goal
        self.count = 0
        self._began: float | None = None
        self._cpu = 0.0

    def begin(self) -> None:
        if self._began is None:
            self._began, self._cpu = time.perf_counter(), time.process_time()

    def add(self, events: int) -> None:
        self.count += events

    @property
    def done(self) -> bool:
        return self.count >= self.goal

    def report(self, **facts: Any) -> None:
        """Stop, and print seconds, events and CPU seconds (all threads), with more facts."""
        assert self._began is not None, "no event came"
        line = {
            "seconds": time.perf_counter() - self._began,
            "cpu_seconds": time.process_time() - self._cpu,
            "events": self.count,
            **facts,
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def arguments() -> argparse.Namespace:
    """Return what the harness told this contestant; `group` is new each time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--dsn")
    options = parser.parse_args()
    options.group = f"bench-{uuid.uuid4().hex[:12]}"
    return options
