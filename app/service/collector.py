"""Python's garbage collector in a worker: no long pauses, however many questions wait.

A full collection looks at every object of the process, a quarter of a second for those of 100,000
waiting questions, and all stand still meanwhile; nearly all of what it looks at is there to stay.
So what a slow full collection has just found alive is put aside (`gc.freeze`), and later ones look
at the rest. What is put aside is still freed as soon as nobody refers to it; only cycles among it
wait for a look at everything, once an hour at most.
"""

from __future__ import annotations

import gc
import logging
from time import monotonic
from typing import ClassVar

from mode import Service

log = logging.getLogger(__name__)

#: Full collections come after 5,000 x 5 x 3 = 75,000 objects more than before: 40 ms, about.
THRESHOLDS = (5_000, 5, 3)
#: A full collection that took so long has looked at many objects that stay.
SLOW_SECONDS = 0.02
#: Cycles of what was put aside are looked for when it is put aside anew, so long after the last.
LOOK_AGAIN_SECONDS = 3_600.0
_TICK_SECONDS = 0.5


class FullCollections:
    """Notes how long full collections take, while it is registered at `gc.callbacks`."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._began = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != 2:
            return
        if phase == "start":
            self._began = monotonic()
        else:
            self.longest = max(self.longest, monotonic() - self._began)

    def take_longest(self) -> float:
        """Return the longest since the last call, in seconds."""
        longest, self.longest = self.longest, 0.0
        return longest


class Collector(Service):
    """Keeps collections short from its start to its stop, in a process that is `owned`.

    Two of them in a process share one arrangement, which ends with the last.
    """

    abstract = False
    _running: ClassVar[int] = 0
    _before: ClassVar[tuple[int, int, int]] = (0, 0, 0)

    def __init__(self, *, look_again_seconds: float = LOOK_AGAIN_SECONDS) -> None:
        super().__init__()
        self._collections = FullCollections()
        self._look_again_seconds = look_again_seconds
        self._looked = 0.0
        self._arranged = False

    async def on_start(self) -> None:
        if Collector._running == 0:
            Collector._before = gc.get_threshold()
            gc.set_threshold(*THRESHOLDS)
        Collector._running += 1
        gc.callbacks.append(self._collections)
        self._arranged = True
        self.look_at_all()

    async def on_stop(self) -> None:
        if not self._arranged:  # a worker that is stopped early stops what it has not started
            return
        self._arranged = False
        gc.callbacks.remove(self._collections)
        Collector._running -= 1
        if Collector._running == 0:
            gc.unfreeze()
            gc.set_threshold(*Collector._before)

    @Service.task
    async def _put_aside(self) -> None:
        while not self.should_stop:
            await self.sleep(_TICK_SECONDS)
            self.tick()

    def tick(self) -> None:
        """Put aside what a slow collection found alive."""
        if self._collections.take_longest() < SLOW_SECONDS:
            return
        if monotonic() - self._looked >= self._look_again_seconds:
            self.look_at_all()
        else:
            gc.freeze()

    def look_at_all(self) -> None:
        """Collect everything, what was put aside too, and put aside what is left."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._collections.take_longest()
        self._looked = monotonic()
        log.debug("%d objects are put aside", gc.get_freeze_count())
