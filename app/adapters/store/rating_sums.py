"""Figures of the ratings' partitions added up; PostgreSQL and its twin share them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace

from app.core.ratings.changes import MovieStats, MovieTotal, Totals, Window
from app.core.ratings.windows import KEPT


def copy_totals(totals: Totals) -> Totals:
    """Return a copy that shares nothing that changes."""
    return replace(
        totals,
        rejected=dict(totals.rejected),
        by_halves=list(totals.by_halves),
        windows=list(totals.windows),
    )


def add_totals(partitions: Iterable[Totals]) -> Totals:
    """Add partitions up: windows merged by start, the least watermark of those that have one.

    Only the newest windows are whole: of older ones, a partition that is ahead keeps no more.
    """
    added = Totals()
    rejected: Counter[str] = Counter()
    windows: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for each in partitions:
        added.valid += each.valid
        added.duplicate += each.duplicate
        added.stale += each.stale
        added.out_of_order += each.out_of_order
        added.late += each.late
        added.future += each.future
        added.users += each.users
        added.predicted += each.predicted
        added.squared_error += each.squared_error
        rejected.update(each.rejected)
        for halves, ratings in enumerate(each.by_halves):
            added.by_halves[halves] += ratings
        for window in each.windows:
            windows[window.start][0] += window.ratings
            windows[window.start][1] += window.sum_halves
        if each.watermark:
            added.watermark = min(added.watermark or each.watermark, each.watermark)
    added.rejected = dict(rejected)
    added.windows = [Window(start, *windows[start]) for start in sorted(windows)[-KEPT:]]
    return added


def add_movie(partitions: Iterable[MovieTotal]) -> MovieStats | None:
    """Add the figures of one movie up; None without any rating."""
    found = [each for each in partitions if each.ratings]
    if not found:
        return None
    count = sum(each.ratings for each in found)
    return MovieStats(
        movie_id=found[0].movie_id,
        count=count,
        mean=sum(each.sum_halves for each in found) / 2 / count,
        last_timestamp=max(each.last_timestamp for each in found),
    )
