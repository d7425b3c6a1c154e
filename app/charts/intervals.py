"""A share with its interval as one small drawing, for a cell of a table."""

from __future__ import annotations

from app.charts.markup import Html, tag
from app.charts.numbers import percent
from app.charts.strokes import stroke

_WIDTH, _HEIGHT = 200.0, 18.0


def draw_interval(
    share: float, low: float, high: float, beside: float | None = None, style: str = "share"
) -> Html:
    """Return a dot at `share` on a line from `low` to `high`, all from 0 to 1.

    `beside` is a share to compare with, a line across.
    """
    middle = _HEIGHT / 2

    def x(value: float) -> float:
        return round(4 + (_WIDTH - 8) * min(1.0, max(0.0, value)), 1)

    said = f"{percent(share)}, between {percent(low)} and {percent(high)}"
    place = {"cx": f"{x(share):g}", "cy": f"{middle:g}", "r": "4.5"}
    return tag(
        "svg",
        tag("title", said),
        stroke("track", x(0), middle, x(1), middle),
        None if beside is None else stroke("beside", x(beside), 0, x(beside), _HEIGHT),
        stroke("whisker", x(low), middle, x(high), middle),
        tag("circle", attributes=place),
        attributes={"viewBox": f"0 0 {_WIDTH:g} {_HEIGHT:g}", "role": "img"},
        class_=f"interval {style}",
    )
