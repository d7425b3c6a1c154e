"""What the code never does: unpickle, read YAML, start a shell, follow redirects, trust proxies."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "agents", "models", "tables")
#: Modules that run what they read, or hide a shell.
NEVER_IMPORTED = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "joblib"}
NEVER_CALLED = {"eval", "exec", "os.system", "os.popen", "compile", "input", "tempfile.mktemp"}
#: Clients whose default is to follow redirects.
REQUESTS = {"get", "post", "put", "patch", "delete", "head", "options", "request"}


def _trees() -> Iterator[tuple[str, ast.AST]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            yield str(path.relative_to(ROOT)), ast.parse(text)


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def dangerous(tree: ast.AST) -> Iterator[str]:
    """Say what a module does that no module here may do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        yield from (f"import {n}" for n in names if n.partition(".")[0] in NEVER_IMPORTED)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in NEVER_CALLED or called.endswith("create_subprocess_shell"):
                yield called
            for keyword in node.keywords:
                if keyword.arg == "shell" and not _is(keyword.value, False):
                    yield f"{called}(shell=...)"
                if keyword.arg == "trust_env" and not _is(keyword.value, False):
                    yield f"{called}(trust_env=...)"
                if keyword.arg in {"follow_redirects", "allow_redirects"} and not _is(
                    keyword.value, False
                ):
                    yield f"{called}({keyword.arg}=...)"
            yield from _unbounded_request(node, called)


def _unbounded_request(node: ast.Call, called: str) -> Iterator[str]:
    """A request by an aiohttp session has to say that it follows no redirect."""
    owner, _, method = called.rpartition(".")
    asks = method in REQUESTS and re.search(r"(?i)session(\(\))?$|^aiohttp$", owner)
    said = {keyword.arg for keyword in node.keywords}
    if asks and not said & {"allow_redirects"}:
        yield f"{called} follows redirects"


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from yaml import load",
        "import os\nos.system('id')",
        "subprocess.run('id', shell=True)",
        "asyncio.create_subprocess_shell('id')",
        "eval('1')",
        "httpx.AsyncClient(trust_env=True)",
        "httpx.AsyncClient(follow_redirects=flag)",
        "self._session.get('/x')",
        "self._open_session().request('GET', '/x')",
    ],
)
def test_each_danger_is_seen(text: str) -> None:
    assert list(dangerous(ast.parse(text)))


def test_h6_no_module_does_what_none_may_do() -> None:
    found = [f"{name}: {each}" for name, tree in _trees() for each in dangerous(tree)]
    # `chaos` speaks to processes that it has started itself.
    assert [e for e in found if not (e.startswith("app/chaos/") and "redirects" in e)] == []


def test_every_package_that_is_installed_is_pinned_with_its_hash() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [number for number, line in enumerate(lines) if re.match(r"[A-Za-z0-9]", line)]
    assert len(pins) > 100
    for number in pins:
        assert re.match(r"[\w.\[\]-]+==[\w.+!]+ ", lines[number]), lines[number]
        assert "--hash=sha256:" in lines[number + 1], lines[number]
