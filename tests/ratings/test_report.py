"""The ratings report: the numbers shown are those given, nothing on the page runs or loads."""

from __future__ import annotations

import html
import math
import re
from itertools import pairwise
from pathlib import Path

import pytest

from app.charts.numbers import compact, percent, shown
from app.core.ratings.changes import MovieTotal, RatingStats, Totals
from app.ratings.report import RatingFigures, as_json, render
from app.ratings.report.coverage import Coverage
from app.ratings.report.reading import read_metrics
from app.ratings.report.workers import Course, workers_of
from app.wire.gate import WireGate
from models.ratings import StreamMetrics
from tests.browser import browsing
from tests.chaos.test_report import Page
from tests.ratings import report_samples as samples
from tests.ratings.report_samples import START, message


def text_of(figures: RatingFigures) -> str:
    return Page(render(figures)).text()


def test_the_page_says_all_that_the_figures_say() -> None:
    figures = samples.figures(3)
    totals = figures.stats.totals
    wanted = [totals.valid, totals.duplicate, totals.stale, totals.users, figures.stats.movies]
    wanted += [*totals.rejected.values(), figures.users_recommended, figures.current]
    wanted += [totals.out_of_order, totals.late, totals.future, figures.events, 1_237]
    wanted += [movie.ratings for movie in figures.popular]
    text = " ".join(text_of(figures).split())
    missing = [each for each in wanted if " ".join(shown(each).split()) not in text]
    assert missing == []
    for movie in figures.popular:
        assert f" {movie.movie_id} " in text
        assert f" {movie.sum_halves / 2 / movie.ratings:.2f} " in text
    for word in (*totals.rejected, "worker-1", "worker-2", "worker-3", "als-1", "0.89", "3.53"):
        assert word in text


def test_the_distribution_is_drawn_with_every_share_and_count() -> None:
    totals = Totals(valid=8, by_halves=[0, 1, 0, 0, 0, 0, 0, 0, 5, 0, 2])
    page = render(RatingFigures(taken_at=START, stats=RatingStats(totals, 3)))
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)[0]
    titles = [html.unescape(each) for each in re.findall(r"<rect[^>]*><title>(.*?)</title>", drawn)]
    assert titles[0] == "0.5: 1"
    assert titles[7] == "4.0: 5"
    assert titles[9] == "5.0: 2"
    heights = [float(each) for each in re.findall(r'<rect [^>]*height="([\d.]+)"', drawn)]
    assert heights[7] == max(heights)
    assert heights[1] == 0
    assert heights[0] / heights[7] == pytest.approx(1 / 5, abs=0.01)
    shares = [html.unescape(each) for each in re.findall(r'class="share">(.*?)<', drawn)]
    assert [shares[n] for n in (0, 7, 9)] == [percent(share) for share in (1 / 8, 5 / 8, 2 / 8)]


def test_rules_stand_in_the_order_of_how_often_they_were_broken() -> None:
    page = render(samples.figures())
    rules = re.findall(r'<th scope="row"><code>(.*?)</code>', page)
    assert rules == ["rating", "movie_id", "malformed", "type", "user_id"]


def test_the_four_fates_share_one_bar_and_none_is_too_small_to_see() -> None:
    bar = re.findall(r'<svg [^>]*class="fate".*?</svg>', render(samples.figures()), re.DOTALL)[0]
    boxes = re.findall(r'<rect x="([\d.e+-]+)"[^>]* width="([\d.e+-]+)"', bar)
    spans = [(float(x), float(x) + float(width)) for x, width in boxes]
    assert len(spans) == 4
    assert spans[0][0] == 0
    assert spans[-1][1] == pytest.approx(1000, abs=0.1)
    assert all(end == pytest.approx(start, abs=0.1) for (_, end), (start, _) in pairwise(spans))
    assert all(end - start >= 2.9 for start, end in spans)


def test_an_empty_pipeline_is_a_page_that_says_so() -> None:
    text = text_of(samples.empty())
    assert "No rating has arrived yet" in text
    for said in ("No rating stands yet", "No worker has said anything", "Nobody has a stored"):
        assert said in text
    assert "nan" not in text.lower()


def test_nothing_known_is_a_dash_and_null_never_a_zero() -> None:
    found = as_json(samples.empty())
    assert [found[name] for name in ("mean", "rmse", "lag")] == [None] * 3
    assert found["coverage"]["share"] is None
    assert found["events"] == 0


def test_json_has_the_figures_as_they_are() -> None:
    figures = samples.figures(2)
    found = as_json(figures)
    assert found["rmse"] == pytest.approx(0.89)
    assert found["rejected"] == figures.stats.totals.rejected
    assert sum(found["by_rating"].values()) == found["ratings"] == figures.current
    assert list(found["by_rating"]) == [f"{n / 2:.1f}" for n in range(1, 11)]
    assert found["top_movies"][0]["movieId"] == figures.popular[0].movie_id
    assert found["lag"] == {"ratings/0": 1200, "ratings/4": 37}
    assert [each["worker"] for each in found["workers"]] == ["worker-1", "worker-2"]


def test_the_page_loads_nothing_and_has_no_script() -> None:
    page = Page(render(samples.figures(3)))
    assert set(page.names()) & {"script", "link", "iframe", "img", "object", "embed"} == set()
    keys = [key for _, found in page.elements for key in found]
    assert [key for key in keys if key in ("src", "srcset", "style", "href")] == []
    assert [key for key in keys if key.startswith("on")] == []
    style = render(samples.empty()).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_texts_are_texts() -> None:
    bad = samples.HOSTILE
    metrics = [message(name, at, model=name) for at in (5, 10) for name in bad]
    rejected = {name: n + 1 for n, name in enumerate(bad)}
    stats = RatingStats(Totals(valid=1, rejected=rejected, by_halves=[0] * 10 + [1]), 1)
    figures = samples.figures(metrics=metrics, stats=stats)
    page, harmless = Page(render(figures)), Page(render(samples.figures(6)))
    assert set(page.names()) <= set(harmless.names())
    keys = {key for _, found in page.elements for key in found}
    assert keys <= {key for _, found in harmless.elements for key in found}
    for name in bad[:4]:
        assert name in page.text()
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", page.text()) is None


@pytest.mark.parametrize("workers", [1, 3, 6, 7, 40])
def test_the_course_names_few_workers_and_adds_up_many(workers: int) -> None:
    page = render(samples.figures(workers, minutes=2))
    lines = set(re.findall(r'class="line (\w+)"', page))
    assert {"rate", "p50", "p95", "p99", "rmse", "lag"} <= lines
    named = {each for each in lines if each.startswith("w")}
    assert len(named) == (workers if 1 < workers <= 6 else 0)


def test_drawings_stay_within_their_frame() -> None:
    for drawn in re.findall(r"<svg.*?</svg>", render(samples.figures(3, 90)), re.DOTALL):
        width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn)[0]
        for places, end in ((r" (?:x|x1|x2|cx)=", width), (r" (?:y|y1|y2|cy)=", height)):
            found = [float(n) for n in re.findall(f'{places}"([^"]*)"', drawn)]
            assert all(0 <= n <= float(end) for n in found)


def rates(course: Course, metrics: list[StreamMetrics]) -> list[float]:
    return [value for line in course.rate(metrics) for _, value in line]


def test_a_message_counts_for_its_own_seconds_wherever_the_steps_lie() -> None:
    metrics = [message("a", 5), message("b", 7.5), message("a", 10), message("b", 12.5)]
    course = Course(metrics)
    assert course.start == START
    assert course.step == 5
    assert rates(course, metrics) == pytest.approx([150, 200, 100])
    seconds = [5, 5, 2.5]
    all_events = sum(
        rate * wide for rate, wide in zip(rates(course, metrics), seconds, strict=True)
    )
    assert all_events == pytest.approx(4 * 500)


def test_a_time_of_which_no_worker_spoke_is_a_gap() -> None:
    metrics = [message("a", at) for at in (5, 10, 60, 65)]
    assert [len(line) for line in Course(metrics).rate(metrics)] == [2, 2]


def test_lag_is_added_up_over_workers_and_latency_is_the_worst() -> None:
    metrics = [
        message("a", 5, lag=10, latency_p99_seconds=1.0),
        message("b", 5, lag=7, latency_p99_seconds=3.0),
    ]
    course = Course(metrics)
    assert course.added(lambda each: each.lag) == [[(2.5, 17)]]
    assert course.worst(lambda each: each.latency_p99_seconds) == [[(2.5, 3.0)]]
    assert course.worst(lambda each: each.latency_p50_seconds) == []


def test_the_mean_error_of_workers_is_weighted_by_their_ratings() -> None:
    metrics = [message("a", 5, valid=300, rmse=1.0), message("b", 5, valid=100, rmse=0.6)]
    assert Course(metrics).mean(lambda each: each.rmse) == [[(2.5, pytest.approx(0.9))]]
    silent = [message("a", 5, valid=0, rmse=0.8)]
    assert Course(silent).mean(lambda each: each.rmse) == [[(2.5, 0.8)]]


def test_a_worker_rests_without_lowering_its_speed() -> None:
    metrics = [message("a", 5), message("a", 10, valid=0), message("a", 15, valid=1500)]
    (worker,) = workers_of(metrics)
    assert worker.events == 2000
    assert worker.per_second == pytest.approx(200)
    assert (worker.first_at, worker.last_at) == (START, START + 15)


def test_many_messages_become_few_points() -> None:
    course = Course([message("a", n * 5) for n in range(1, 5000)])
    assert sum(len(line) for line in course.rate(course.metrics)) <= 240
    assert rates(course, list(course.metrics)) == pytest.approx([100] * 240, rel=0.01)


def test_metrics_are_read_by_time_and_what_is_none_is_counted() -> None:
    gate = WireGate(StreamMetrics)
    values = [gate.encode(message("a", at)) for at in (20_000, 5, 19_000)]
    found, unreadable = read_metrics([b"{}", *values, b"\xff"], hours=1)
    assert [each.at - START for each in found] == [19_000, 20_000]
    assert unreadable == 2
    assert read_metrics([], hours=1) == ([], 0)


def gini_by_pairs(counts: list[int]) -> float:
    """The definition: half the mean difference of all pairs over the mean."""
    n, total = len(counts), sum(counts)
    return sum(abs(a - b) for a in counts for b in counts) / (2 * n * total)


@pytest.mark.parametrize("counts", [[5], [3, 3, 3], [1, 2, 3, 10], [100, 1, 1, 0, 0, 0, 7]])
def test_gini_is_what_its_definition_says(counts: list[int]) -> None:
    coverage = Coverage(dict(enumerate(counts, 1)), len(counts))
    assert coverage.gini == pytest.approx(gini_by_pairs(counts))


def test_coverage_is_of_all_rated_movies_and_of_recommended_ones() -> None:
    coverage = Coverage({1: 3, 2: 1}, 8)
    assert (coverage.recommended, coverage.movies, coverage.share) == (2, 8, 0.25)
    assert Coverage({1: 1, 2: 1, 3: 1}, 2).share == 1
    assert Coverage({}, 0).share is None
    assert Coverage({}, 5).gini is None
    assert Coverage({}, 5).curve == []


def test_the_curve_ends_where_all_places_are_taken() -> None:
    coverage = Coverage({n: n for n in range(1, 5001)}, 20_000)
    assert coverage.curve[0] == (1, pytest.approx(5000 / coverage.places))
    assert coverage.curve[-2:] == [(5000, 1.0), (20_000, 1.0)]
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(coverage.curve))
    assert coverage.top_share(0.01) == pytest.approx(sum(range(4801, 5001)) / coverage.places)
    assert len(coverage.equal_curve) < 130
    assert Coverage({9: 4}, 1).curve == [(1, 1.0)]


def test_one_movie_takes_everything() -> None:
    figures = samples.figures(exposure={7: 1000}, popular=[MovieTotal(7, 0, 0, 0)])
    assert "stand in some recommendation" in text_of(figures)
    assert figures.coverage.gini == pytest.approx(1 - 1 / figures.stats.movies)


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (1, "100 %"), (0.278, "27.8 %"), (0.0004, "0.04 %"), (1e-9, "<0.01 %")],
)
def test_a_share_is_shown_in_percent(share: float, words: str) -> None:
    assert percent(share) == words.replace(" ", "\N{NARROW NO-BREAK SPACE}")
    assert [percent(each) for each in (None, math.nan, "x")] == ["–"] * 3


def test_large_numbers_are_short_on_axes() -> None:
    assert [compact(n) for n in (250_000, 1_500_000, 2e9)] == ["250k", "1.5M", "2G"]
    assert compact(60_000) == shown(60_000)


async def test_it_fits_a_wide_and_a_narrow_screen(tmp_path: Path) -> None:
    file = tmp_path / "ratings.html"
    movies = [MovieTotal(2_000_000_000 + n, 1_000_000, 7_000_000, 1.8e12) for n in range(5)]
    file.write_text(render(samples.figures(3, popular=movies)), encoding="utf-8")
    async with browsing() as browser:
        for width, dark in ((1280, False), (360, True)):
            page = await browser.open(file.as_uri(), width=width, dark=dark)
            assert await page.overflow() <= 0, width
            assert page.errors == []
