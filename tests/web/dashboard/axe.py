"""axe-core, the accessibility checker, run inside a page."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.browser import Page
from tests.servers import ServerMissing, require

SERIOUS = ("serious", "critical")


async def findings(page: Page) -> list[str]:
    """Return what axe-core takes for serious or critical: rule, element and reason."""
    await page.call("Runtime.evaluate", expression=require(_source))
    found: Any = await page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations.map("
        "(each) => ({id: each.id, impact: each.impact, nodes: each.nodes.map("
        "(node) => node.target.join(' ') + ': ' + node.failureSummary)})))"
    )
    return [
        f"{each['id']} ({each['impact']}): {node}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@cache
def _source() -> str:
    spec = find_spec("axe_playwright_python")
    if spec is None or spec.origin is None:
        raise ServerMissing("axe-core (the package axe-playwright-python)")
    return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")
