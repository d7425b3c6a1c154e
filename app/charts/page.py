"""A whole page: standalone HTML that needs no network, no script and no other file."""

from __future__ import annotations

from importlib import resources

from app.charts.markup import Html, tag

#: No source of anything is allowed, so that even markup that got in could load and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, style: str, *parts: Html | None) -> str:
    """Return a page of these parts; `style` is its own style sheet, after the common one."""
    common = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", title),
        tag("style", Html(common + style)),
    )
    whole = tag("html", head, tag("body", tag("main", *parts)), lang="en")
    return f"<!doctype html>\n{whole}\n"
