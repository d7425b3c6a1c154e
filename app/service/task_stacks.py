"""Where every task of an event loop waits, for the log of a process that stands still."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

_LOOP = asyncio.AbstractEventLoop
_PREFIXES = ("cr", "gi", "ag")
#: Tasks that wait at the same place are told once; of a stranger's chain no more than this.
_MAX_FRAMES = 40


def task_stacks(loops: Mapping[str, _LOOP]) -> str:
    """Return the tasks of each loop, by name, with the lines at which they wait (innermost last).

    A loop may belong to another thread. Tasks that wait at the same lines are counted.
    """
    found = []
    for name, loop in loops.items():
        counted: dict[tuple[str, ...], int] = {}
        for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
            lines = tuple(itertools.islice(_frames(task.get_coro()), _MAX_FRAMES))
            counted[lines] = counted.get(lines, 0) + 1
        found.append(f"{name}: {sum(counted.values())} tasks")
        for lines, count in counted.items():
            found += [f"  {count} x", *(f"    {line}" for line in lines)]
    return "\n".join(found)


def _frames(awaited: Any) -> Iterator[str]:
    """Follow what a coroutine awaits, down to the future at the bottom."""
    while awaited is not None:
        prefix = next((each for each in _PREFIXES if hasattr(awaited, f"{each}_frame")), None)
        if prefix is None:
            yield f"awaits {type(awaited).__name__}"
            return
        if (frame := getattr(awaited, f"{prefix}_frame")) is not None:
            code = frame.f_code
            yield f"{_short(code.co_filename)}:{frame.f_lineno} {code.co_qualname}"
        awaited = getattr(awaited, "gi_yieldfrom" if prefix == "gi" else f"{prefix}_await")


def _short(path: str) -> str:
    return path.rpartition("site-packages/")[2]


def loops_of(app: Any) -> dict[str, _LOOP]:
    """The event loops of a Faust app: its own, and that of its consumer's thread if it has one."""
    loops: dict[str, _LOOP] = {"app": app.loop}
    thread = getattr(app.consumer, "_thread", None)
    if thread is not None:
        loops["consumer"] = thread.thread_loop
    return loops
