"""What every drawing is made of: lines, texts, paths, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from app.charts.markup import Html, join, tag
from app.charts.points import Point


def stroke(style: str, x1: float, y1: float, x2: float, y2: float) -> Html:
    ends = {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x2:g}", "y2": f"{y2:g}"}
    return tag("line", attributes=ends, class_=style)


def words(text: str, x: float, y: float, style: str, anchor: str | None = None) -> Html:
    place = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}
    return tag("text", text, attributes=place, class_=style)


def box(style: str, x: float, y: float, width: float, height: float, about: str) -> Html:
    """Return a rectangle that says `about` when it is pointed at."""
    place = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:g}", "height": f"{height:g}"}
    return tag("rect", tag("title", about), attributes=place, class_=style)


def path(points: Sequence[Point], style: str, base: float | None = None) -> Html:
    """Return a line, with the area down to `base` where one is given; a single point is a dot."""
    if len(points) == 1:
        ((x, y),) = points
        return tag("circle", attributes={"cx": f"{x:g}", "cy": f"{y:g}", "r": "2"}, class_=style)
    along = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    area = None
    if base is not None:
        closed = f"{along}L{points[-1][0]:g} {base:g}L{points[0][0]:g} {base:g}Z"
        area = tag("path", d=closed, class_=f"area {style}")
    return join(area, tag("path", d=along, class_=f"line {style}"))


def svg(width: float, height: float, about: str, *parts: Html | None) -> Html:
    """Return a drawing; `about` is what it shows, for those who do not see it."""
    return tag(
        "svg",
        tag("title", about),
        *parts,
        attributes={"viewBox": f"0 0 {width:g} {height:g}", "role": "img"},
    )
