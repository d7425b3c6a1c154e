"""The one table of who reads and writes which topic: code, diagrams and docs say the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from app.settings import load_settings
from app.topics import rating_topic_names, topic_names
from app.topology import STAGES, Stage, stages_of
from tests.docs import facts
from tests.docs.pages import ROOT, backticked, section, table
from tests.docs.pages import rows as page_rows

#: Where the functions of a stage are, beside those that they import from `agents`.
MODULES = {
    "release_overload": "agents/questions/timers.py",
    "release_quota": "agents/questions/timers.py",
    "statistics": "agents/ratings/statistics.py",
    "recommend": "agents/ratings/recommending.py",
    "tell_metrics": "agents/ratings/measuring.py",
}
#: Calls that send, and the place of the topic among their arguments.
SENDERS = {"Outgoing": 0, "publish_encoded": 1}
#: Wiring: what is read, and functions of other stages that are only told something.
WIRING = ("register", "declare")

NAMES = {
    **topic_names(load_settings())._asdict(),
    **rating_topic_names(load_settings())._asdict(),
}
WORKING = [stage for stage in STAGES if stage.kind != "desk"]


class Module:
    """A module of `agents`: its functions, and what they import from others."""

    def __init__(self, path: Path) -> None:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        self.functions = {
            node.name: node
            for node in ast.walk(tree)
            if isinstance(node, kinds) and node.name not in WIRING
        }
        self.imported = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("agents.")
            for alias in node.names
        }


@cache
def module(path: Path) -> Module:
    return Module(path)


def sends_of(path: Path, names: tuple[str, ...] | None = None) -> set[str]:
    """Return the keys of the topics that functions of a module send to, wherever they do it."""
    found: set[str] = set()
    begin = module(path).functions if names is None else names
    waiting, seen = [(path, name) for name in begin], set()
    while waiting:
        place = waiting.pop()
        function = module(place[0]).functions.get(place[1])
        if place in seen or function is None:
            continue
        seen.add(place)
        found |= set(_topics(function))
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                source, name = module(place[0]).imported.get(node.id, ("", node.id))
                target = ROOT / f"{source.replace('.', '/')}.py" if source else place[0]
                waiting.append((target, name))
    return found


def _topics(function: ast.AST) -> Iterator[str]:
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).append(node.value)
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in SENDERS:
            continue
        topic = node.args[SENDERS[ast.unparse(node.func)]]
        for each in assigned.get(topic.id, []) if isinstance(topic, ast.Name) else [topic]:
            if isinstance(each, ast.Attribute) and each.attr in NAMES:
                yield each.attr


@pytest.mark.parametrize("stage", WORKING, ids=lambda stage: stage.name)
def test_a_stage_sends_what_its_code_sends_and_nothing_else(stage: Stage) -> None:
    path = ROOT / MODULES.get(stage.name, f"agents/questions/{stage.name}.py")
    assert sends_of(path) == set(stage.sends)


def test_every_agent_and_every_timer_that_sends_is_a_stage() -> None:
    agents = {**facts.pipeline().agents, **facts.ratings().agents}
    assert {stage.name for stage in STAGES if stage.kind == "agent"} == set(agents)
    for stage in STAGES:
        if stage.kind == "agent":
            assert set(agents[stage.name].channel.topics) == {NAMES[key] for key in stage.receives}
    timers = "".join(path.read_text() for path in (ROOT / "agents").glob("*/*.py"))
    for stage in STAGES:
        if stage.kind == "timer" and stage.name != "sweep":
            assert re.search(rf'name="{stage.name}"|def {stage.name}\(', timers), stage.name


def test_every_topic_is_sent_to_and_read_here_or_by_others() -> None:
    sent = {key for stage in WORKING for key in stage.sends}
    received = {key for stage in STAGES for key in stage.receives}
    assert sent | {"ratings"} == set(NAMES)
    assert received == set(NAMES) - {"metrics", "recommendations"}


def test_the_diagram_of_the_readme_is_the_table() -> None:
    [diagram] = re.findall(r"```mermaid\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    topics = dict(re.findall(r"(\w+)\[([a-z-]+)\]", diagram))
    by_name = {name: key for key, name in NAMES.items()}
    drawn = set()
    for line in diagram.splitlines():
        plain = re.sub(r"\(\[.*?\]\)|\[\(.*?\)\]|\{\{.*?\}\}|\[.*?\]", "", line)
        parts = re.split(r"\s*(?:--(?:[^>]*--)?>|-\.(?:.*?\.)?->)\s*", plain.strip())
        for left, right in pairwise(parts):
            drawn |= {(a, b) for a in left.split(" & ") for b in right.split(" & ")}
    edges = {tuple(by_name.get(topics.get(each, ""), each) for each in edge) for edge in drawn}
    shown = [
        stage for stage in stages_of(["questions"]) if stage.name not in ("redrive", "release")
    ]
    wanted = set()
    for stage in shown:
        name = {"intake": "client"}.get(stage.name, stage.name)
        name = "timers" if name.startswith("release_") else name
        wanted |= {(name, key) for key in stage.sends} | {(key, name) for key in stage.receives}
    # Any agent can write dead letters, says the line below it.
    dead = {edge for edge in wanted if edge[1] == "dead_letters"}
    known = set(NAMES)
    drawn_here = {edge for edge in edges if known & set(edge)}
    assert drawn_here - dead == wanted - dead
    assert drawn_here & dead <= dead


def test_the_page_of_topics_names_who_writes_each() -> None:
    topics, _, _ = (ROOT / "docs/topics.md").read_text(encoding="utf-8").partition("\n## Records")
    page = table(topics)
    for key, name in NAMES.items():
        agents = {s.name for s in STAGES if s.kind == "agent" and key in s.sends}
        senders = {s.name for s in STAGES if key in s.sends and s.name != "redrive"}
        written_by = page[name][1]
        if "every agent" in written_by:
            assert key == "dead_letters"
            assert agents == {s.name for s in STAGES if s.kind == "agent"}
        else:
            assert backticked(written_by) == senders, name


def test_the_architecture_says_what_each_stage_reads_and_writes() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = {
        name: cells
        for first, *cells in page_rows(section(text, "## How a question travels") or "")
        for name in backticked(first)
    }
    by_name = {name: key for key, name in NAMES.items()}
    for stage in stages_of(["questions"]):
        if stage.name in rows:
            reads, _, writes = rows[stage.name]
            read = {by_name[each] for each in backticked(reads) & set(by_name)}
            written = {by_name[each] for each in backticked(writes) & set(by_name)}
            assert read == set(stage.receives), stage.name
            assert written | {"dead_letters"} == {*stage.sends, "dead_letters"}, stage.name
    assert {s.name for s in WORKING if s.pipeline == "questions"} <= set(rows)
