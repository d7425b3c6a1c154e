"""The progress watchdog: a worker that stands still says so, then ends with an exit code.

Each tick it looks at every partition (`look`), decides by `app.core.progress`, and tells
readiness. A stall that lasts through the grace ends the process: in good order when it can, at
once when it can't. A thread of its own watches the event loop, for a blocked loop ticks nothing.
"""

from __future__ import annotations

import sys
import threading
import traceback
from dataclasses import dataclass

from mode import Service

from agents.stage_context import StageContext
from app import logs
from app.core.progress import Progress, Stall, stalls
from app.core.progress import after as after_look
from app.errors import AnswerloopError
from app.service.looking import Eyes
from app.service.stopping import end_process, end_process_after
from app.service.task_stacks import loops_of, task_stacks

EXIT_CODE = 1
#: Stalls that are named; the others are counted.
_NAMED = 8


class Stuck(AnswerloopError):
    """The worker makes no progress; the message names the partitions."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stall may last, in seconds: then readiness is red, then the process ends."""

    stuck_seconds: float

    @property
    def tick_seconds(self) -> float:
        return max(0.1, min(1.0, self.stuck_seconds / 10))

    @property
    def grace_seconds(self) -> float:
        """Readiness is red for so long before the worker ends, and a stall may still resolve."""
        return min(10.0, self.stuck_seconds / 6)

    @property
    def stop_seconds(self) -> float:
        """How long a stop in good order may take then."""
        return min(10.0, self.stuck_seconds / 6 + 2.0)


class Watchdog(Service):
    """Watches one app. It ends the process where the app owns that; else it only tells."""

    abstract = False

    def __init__(self, context: StageContext, patience: Patience) -> None:
        super().__init__()
        self._context = context
        self._patience = patience
        self._ending = False
        self._eyes = Eyes(context, patience.stuck_seconds)
        self._progress = Progress()
        self._red_since: float | None = None
        self._loop_watch: LoopWatch | None = None
        self.stalls: tuple[Stall, ...] = ()
        context.metrics.watch("stuck", lambda: len(self.stalls))
        context.metrics.watch("log_lines_suppressed", logs.suppressed)

    async def on_start(self) -> None:
        if self._watching and self._context.app.owns_process:
            self._loop_watch = LoopWatch(self._patience, threading.get_ident())
            self._loop_watch.start()

    async def on_stop(self) -> None:
        if self._loop_watch is not None:
            self._loop_watch.cancel()

    @property
    def _watching(self) -> bool:
        return self._patience.stuck_seconds > 0

    @Service.task
    async def _watch(self) -> None:
        while self._watching and not self.should_stop:
            await self.sleep(self._patience.tick_seconds)
            if self._loop_watch is not None:
                self._loop_watch.beat()
            try:
                await self._tick()
            except Exception:  # noqa: BLE001 (a task that ends would end the worker)
                self._context.log.error("watchdog_failed", error=traceback.format_exc())

    async def _tick(self) -> None:
        patience = self._patience
        suspicious = bool(stalls(self._progress, patience.stuck_seconds / 2))
        look = await self._eyes.look(suspicious)
        longest_gap = 3.0 * patience.tick_seconds + 5.0
        self._progress = after_look(self._progress, look, longest_gap)
        self.stalls = stalls(self._progress, patience.stuck_seconds)
        if not self.stalls:
            self._all_clear()
            return
        self._context.stuck = summary(self.stalls)
        if self._red_since is None:
            self._red_since = look.at
            self._context.log.error("stuck", stalls=[str(stall) for stall in self.stalls[:_NAMED]])
        elif look.at - self._red_since >= patience.grace_seconds:
            await self._end()

    def _all_clear(self) -> None:
        if self._red_since is not None:
            self._context.log.warning("stuck_no_more")
        self._red_since = self._context.stuck = None

    async def _end(self) -> None:
        """Crash the app, which stops it; if that hangs as well, end the process all the same."""
        if self._ending or not self._context.app.owns_process:
            return
        self._ending = True
        reason = self._context.stuck or "no progress"
        self._context.log.error("stuck_exit", reason=reason, exit_code=EXIT_CODE)
        end_process_after(self._patience.stop_seconds, EXIT_CODE)
        self._context.log.error("stuck_tasks", tasks=task_stacks(loops_of(self._context.app)))
        await self._context.app.crash(Stuck(reason))


class LoopWatch(threading.Thread):
    """Ends the process when the event loop does not beat for `stuck_seconds` and the grace.

    It counts its own ticks, not the time: a process that was stopped (SIGSTOP, a laptop that
    slept) is not blamed for it.
    """

    def __init__(self, patience: Patience, loop_thread: int) -> None:
        super().__init__(name="loop-watch", daemon=True)
        self._patience = patience
        self._loop_thread = loop_thread
        self._missed = 0
        self._cancelled = threading.Event()

    def beat(self) -> None:
        """The loop is alive."""
        self._missed = 0

    def cancel(self) -> None:
        """The loop is about to end in good order."""
        self._cancelled.set()

    def run(self) -> None:
        patience = self._patience
        allowed = patience.stuck_seconds + patience.grace_seconds
        while not self._cancelled.wait(patience.tick_seconds):
            self._missed += 1
            if self._missed * patience.tick_seconds >= allowed:
                self._tell()
                end_process(EXIT_CODE)

    def _tell(self) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
        seconds = self._missed * self._patience.tick_seconds
        stderr = sys.__stderr__ or sys.stderr  # the log may be what is blocked
        stderr.write(
            f"answerloop: stuck: the event loop has been blocked for {seconds:.0f} s; "
            f"exit code {EXIT_CODE}. It is in:\n{stack}"
        )
        stderr.flush()


def summary(found: tuple[Stall, ...]) -> str:
    """Return the stalls in one line for people."""
    named = "; ".join(str(stall) for stall in found[:_NAMED])
    more = len(found) - _NAMED
    return f"no progress: {named}" + (f"; and {more} more" if more > 0 else "")
