"""A whole page: standalone HTML without network or other files, readable without its script."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from app.charts.markup import Html, tag

#: No source of anything is allowed, so that even markup that got in could load and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


#: What could end the element, or a line of script, is written as JSON escapes.
_JSON_ESCAPES = {c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page(title: str, style: str, *parts: Html | None, script: str | None = None) -> str:
    """Return a page of these parts; `style` is its own style sheet, after the common one.

    `script` is the one script that may run: the page's policy names its hash.
    """
    common = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    policy = _POLICY if script is None else f"{_POLICY}; script-src '{_hash(script)}'"
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("title", title),
        tag("style", Html(common + style)),
    )
    own = None if script is None else Html(f"<script>{script}</script>")
    whole = tag("html", head, tag("body", tag("main", *parts), own), lang="en")
    return f"<!doctype html>\n{whole}\n"


def data_block(name: str, written: str) -> Html:
    """Return JSON that a script finds by `id`; no text in it can end the element."""
    for character, escape in _JSON_ESCAPES.items():
        written = written.replace(character, escape)
    return tag("script", Html(written), type="application/json", id=name)


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
