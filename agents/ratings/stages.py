"""The stages of the ratings pipeline."""

from __future__ import annotations

from agents.ratings import measuring, recommending, statistics
from agents.ratings.context import RatingsContext
from agents.ratings.flushing import Flusher
from agents.ratings.measuring import Meter
from agents.ratings.partitions import Partitions
from agents.ratings.recommending import Recommending, Waiting
from agents.ratings.statistics import Statistics


def register_all(context: RatingsContext) -> None:
    """Add every stage to the context's app. The factory calls it once; nothing is connected."""
    partitions, waiting = Partitions(), Waiting()
    flusher, meter = Flusher(context, partitions), Meter(context, partitions, waiting)
    statistics.declare(context, Statistics(context, partitions, flusher, waiting, meter))
    recommending.declare(context, Recommending(context, partitions, flusher, waiting))
    measuring.declare(context, meter)
