"""The dashboard's files: how they are served, and what they may not hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import app.web.dashboard as package
from app.web.dashboard.bundle import CONTENT_POLICY, Bundle
from app.web.safe_headers import SAFE_HEADERS
from tests.web.client import serving

STATIC = Path(package.__file__).parent / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_a_browser_gets_the_page_and_a_program_the_index() -> None:
    async with serving() as api:
        for accept, kind in (
            ("text/html,*/*;q=0.8", "text/html"),
            ("application/json", "application/json"),
            ("*/*", "application/json"),
        ):
            async with api.client.get("/", headers={"Accept": accept}) as response:
                assert (response.status, response.content_type) == (200, kind)
                assert "Accept" in response.headers["Vary"]
                policy = response.headers["Content-Security-Policy"]
            page = kind == "text/html"
            assert policy == (CONTENT_POLICY if page else SAFE_HEADERS["Content-Security-Policy"])


async def test_files_have_their_types_and_are_kept_by_their_content() -> None:
    version = Bundle().version
    async with serving() as api:
        for name in Bundle().names():
            async with api.client.get(f"/ui/{version}/{name}") as response:
                assert response.status == 200
                kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
                assert response.content_type == kind[name.rpartition(".")[2]]
                assert "immutable" in response.headers["Cache-Control"]
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert await response.read() == (STATIC / name).read_bytes(), "gzip and back"
                tag = response.headers["ETag"]
            old = {"If-None-Match": tag}
            async with api.client.get(f"/ui/older/{name}", headers=old) as response:
                assert response.status == 304, "an old page finds its parts"
                assert response.headers["Cache-Control"] == "no-cache"
        async with api.client.get(f"/ui/{version}/main.js", headers={"Accept-Encoding": ""}) as r:
            assert "Content-Encoding" not in r.headers


@pytest.mark.parametrize(
    "path",
    ["/ui/x/nothing.js", "/ui/x/../main.js", "/ui/x/..%2f..%2fbundle.py", "/ui/x/index.html"],
)
async def test_nothing_else_is_served(path: str) -> None:
    async with serving() as api:
        status, body = await api.get(path)
    assert (status, body["error"]["code"]) == (404, "not_found")


def test_the_version_is_that_of_every_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "static" / "pages").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("/ui/{version}/a.js")
    versions = set()
    for text in ("one", "two"):
        (tmp_path / "static" / "pages" / "a.js").write_text(text)
        monkeypatch.setattr("app.web.dashboard.bundle.resources.files", lambda _: tmp_path)
        versions.add(Bundle().version)
    assert len(versions) == 2


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda each: each.name)
def test_a_script_makes_no_markup_and_loads_nothing_from_elsewhere(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for forbidden in (
        *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser"),
        *("createContextualFragment", "setHTML", "eval(", "new Function", "javascript:"),
    ):
        assert forbidden not in text, forbidden
    addresses = re.findall(r"https?://[\w./]+", text)
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}
    assert len(text.splitlines()) <= 200, "one module, one thing"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda each: each.name)
def test_every_import_is_a_file_that_is_served(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for target in re.findall(r'(?:from|import\()\s*"(\.{1,2}/[^"]+)"', text):
        assert (script.parent / target).resolve() in SCRIPTS, target


async def test_what_the_first_script_needs_is_asked_for_with_it() -> None:
    async with serving() as api, api.client.get("/", headers=HTML) as response:
        text = await response.text()
    version = Bundle().version
    preloaded = set(re.findall(rf'<link rel="modulepreload" href="/ui/{version}/([^"]+)">', text))
    needed, left = set(), ["main.js"]
    while left:
        script = (STATIC / left.pop()).read_text(encoding="utf-8")
        found = set(re.findall(r'^import .* from "\./([^"]+)"', script, re.MULTILINE)) - needed
        needed |= found
        left += found
    assert "dom.js" in needed
    assert preloaded == needed
    assert "{" not in text


def test_the_page_itself_has_no_script_and_no_style_inside() -> None:
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script[^>]*>([^<]*)", text) == [""]
    assert "<style" not in text
    assert re.search(r"\son\w+=|style=", text) is None


def test_every_view_of_a_page_is_a_route() -> None:
    from tests.docs.facts import routes

    served: Any = {route.removeprefix("GET ").split("{")[0].rstrip("/") for route in routes()}
    for script in (STATIC / "pages").glob("*.js"):
        for path in re.findall(r"`(/[\w/.-]+?)/?\$\{", script.read_text(encoding="utf-8")):
            assert path in served, (script.name, path)
