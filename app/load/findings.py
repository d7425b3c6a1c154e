"""What one must know before reading the figures of a run."""

from __future__ import annotations

from app.charts.numbers import percent_text
from app.load.following import MOST_FOLLOWED
from app.load.playing import Played
from app.load.results import Results

#: A generator that begins one request in a hundred later than this can't be trusted with less.
MOST_LAG_SECONDS = 0.05


def findings(played: Played) -> list[str]:
    """Return sentences, what matters most first."""
    said = [*_of_generator(played), *_of_service(played), *_of_following(played)]
    return [each for each in said if each]


def _of_generator(played: Played) -> list[str]:
    results = played.results
    lag = results.lag_seconds.quantile(0.99) or 0.0
    said = []
    if lag > MOST_LAG_SECONDS:
        said.append(
            f"The generator itself could not keep up: it began 1 % of the requests {lag:.3g} s late"
            " or more, which is part of their latencies. Lower --rate, or run several of it."
        )
    if results.not_sent:
        said.append(
            f"{results.not_sent:,} requests were due and not sent:"
            f" {played.plan.most_in_flight} were in flight already (--in-flight)."
            " They count as longer than any latency."
        )
    return said


def _of_service(played: Played) -> list[str]:
    results = played.results
    said = [
        f"{each.url} was not ready at the start: "
        + (f"status {each.status}." if each.status else f"no answer ({each.detail}).")
        for each in played.ready
        if each.status != 200
    ]
    if any(key.startswith("401") for key in results.errors):
        said.append("The service wants a token: set ANSWERLOOP_API_TOKEN.")
    if any("not_in_this_worker" in key for key in results.errors):
        said.append("This pipeline does not run in that worker: look at its PIPELINES.")
    if refused := sum(results.refused.values()):
        after = _retry_words(results)
        share = refused / max(1, results.due)
        said.append(f"{refused:,} requests ({percent_text(share)}) were refused, {after}.")
    if results.unanswered:
        said.append(
            f"{results.unanswered:,} requests had no answer within"
            f" {played.plan.timeout_seconds:g} s (--timeout). They count as longer than that."
        )
    return said


def _retry_words(results: Results) -> str:
    low, high = results.least_retry_after, results.most_retry_after
    if low == high:
        return f"to come back after {low:g} s"
    return f"to come back after {low:g} to {high:g} s"


def _of_following(played: Played) -> list[str]:
    results, follower = played.results, played.follower
    if follower is None:
        return []
    said = []
    if results.unsettled:
        why = "when it was interrupted" if results.interrupted else "when it was waited for no more"
        said.append(
            f"{results.unsettled:,} accepted questions had not ended {why} (--drain). They count"
            " as longer than any that did."
        )
    if results.unfollowed:
        said.append(
            f"{results.unfollowed:,} accepted questions were not followed:"
            f" {MOST_FOLLOWED:,} had not ended already."
        )
    if follower.troubles:
        said.append(f"Ends could not be read {follower.troubles} times: they are seen later.")
    offset, spread = follower.clocks.seconds, follower.clocks.spread
    if spread > 0.05:
        said.append(
            f"The clocks of the workers differ by {spread:.3g} s at least: so do times of ends."
        )
    if abs(offset) > 0.05:
        said.append(
            f"The service's clock is {abs(offset):.3g} s {'ahead' if offset > 0 else 'behind'}:"
            " times of ends were put right."
        )
    return said
