"""The checks: each takes the pages and returns what is wrong with them, in words."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.core.failures import CAUSES
from app.core.lifecycle import Status
from app.core.retry import RetryKind, RetryPolicy, nominal_wait
from app.metrics import COUNTERS, GAUGES, Metrics
from app.metrics_histograms import HISTOGRAMS
from app.topics import DAY_MS, MAX_MESSAGE_BYTES, all_topics
from models.questions import CARRIED, RECORDS, ScoredAttempt
from models.ratings import RECORDS as RATING_RECORDS
from models.ratings import RecommendedMovie
from tests.docs import facts
from tests.docs.pages import (
    ROOT,
    Pages,
    anchors,
    backticked,
    code_blocks,
    headings,
    links,
    named_paths,
    section,
    table,
)
from tests.docs.reliability import reliability_page

Check = Callable[[Pages], list[str]]

#: Groups of commands that a page may name although they are not built yet.
PLANNED: set[str] = set()


def settings_page(pages: Pages) -> list[str]:
    """Every setting is there with its default and bounds, and nothing else is."""
    page = table(pages["docs/settings.md"])
    wanted = facts.defaults()
    wrong = [f"{name} is missing" for name in wanted.keys() - page.keys()]
    wrong += [f"{name} is no setting" for name in page.keys() - wanted.keys()]
    for name in wanted.keys() & page.keys():
        default, allowed, meaning = page[name]
        if default != wanted[name]:
            wrong.append(f"{name}: the default is {wanted[name]}, not {default}")
        if missing := facts.bounds(name) - set(re.findall(r"\d+", allowed)):
            wrong.append(f"{name}: bounds {missing} are missing")
        if not meaning:
            wrong.append(f"{name} has no meaning")
    return wrong


def topics_page(pages: Pages) -> list[str]:
    """Every topic is there with its record, readers and retention, and nothing else is."""
    text = pages["docs/topics.md"]
    topics, _, _ = text.partition("\n## Records")
    page = {name: cells for name, cells in table(topics).items() if len(cells) == 4}
    specs = {spec.name: spec for spec in all_topics(facts.settings())}
    wrong = [f"topic {name} is missing" for name in specs.keys() - page.keys()]
    wrong += [f"{name} is no topic" for name in page.keys() - specs.keys()]
    for name in specs.keys() & page.keys():
        record, written_by, read_by, retention = page[name]
        spec = specs[name]
        if record != (f"`{spec.record.__name__}`" if spec.record else "table"):
            wrong.append(f"{name}: record {record}")
        days = f"{spec.retention_ms // DAY_MS} days" if spec.retention_ms else "compacted"
        if retention != days:
            wrong.append(f"{name}: retention is {days}")
        readers = facts.readers().get(name, set())
        if spec.record and backticked(read_by) != readers:
            wrong.append(f"{name}: read by {readers or 'nobody here'}")
        if not written_by:
            wrong.append(f"{name}: written by nobody")
    for fact in (f"`PARTITIONS` ({facts.settings().partitions})", f"={MAX_MESSAGE_BYTES}`"):
        if fact not in text:
            wrong.append(f"{fact} is missing")
    return wrong


def records_page(pages: Pages) -> list[str]:
    """Every record has a section that names every field of its own."""
    wrong = []
    wanted = (*RECORDS, ScoredAttempt, *RATING_RECORDS, RecommendedMovie)
    for record in wanted:
        name = record._options.namespace
        part = section(pages["docs/topics.md"], f"### `{name}`")
        if part is None:
            wrong.append(f"record {name} is missing")
            continue
        fields = set(record._options.fields)
        if "The fields of a question, and:" in part:
            fields -= set(CARRIED)
        named = {f for row in _first_cells(part) for f in row}
        wrong += [f"{name}.{field} is missing" for field in fields - named]
        wrong += [f"{name}.{field} is no field" for field in named - fields]
    known = {f"`{record._options.namespace}`" for record in wanted}
    found = {each for each in headings(pages["docs/topics.md"], 3) if each.startswith("`")}
    return wrong + [f"{each} is no record" for each in found - known]


def metrics_page(pages: Pages) -> list[str]:
    """Every counter, gauge and histogram is there by its Prometheus name, with its labels."""
    text = pages["docs/metrics.md"]
    wanted = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics().registry.collect()
    }
    tables = "\n".join(section(text, f"## {kind}") or "" for kind in ("Gauges", "Histograms"))
    counters = table(section(text, "## Counters") or "")
    found = {name for cells in counters.values() for name in backticked(cells[0])}
    found |= set(table(tables))
    wrong = [f"{name} is missing" for name in wanted - found]
    wrong += [f"{name} is no metric" for name in found - wanted]
    for name, (_, labels) in COUNTERS.items():
        if name not in counters:
            wrong.append(f"counter {name} is missing")
        elif missing := set(labels) - backticked(counters[name][1]):
            wrong.append(f"{name}: labels {missing} are missing")
    wrong += [f"gauge {name} is missing" for name in GAUGES if f"answerloop_{name}" not in found]
    histograms = table(section(text, "## Histograms") or "")
    for name, spec in HISTOGRAMS.items():
        cells = histograms.get(f"answerloop_{name}")
        if cells is not None and spec.label not in {*backticked(cells[0]), ""}:
            wrong.append(f"{name}: label {spec.label} is missing")
    every = set(re.findall(r"`(answerloop_\w+)`", "".join(pages.values())))
    return wrong + [f"{name} is no metric" for name in every - wanted - {"answerloop_"}]


def commands_page(pages: Pages) -> list[str]:
    """Every command has a section with its options and an example."""
    text = pages["docs/commands.md"]
    wanted = facts.commands()
    found = {each.strip("`") for each in headings(text, 2) if each.startswith("`")}
    wrong = [f"{name} is missing" for name in wanted.keys() - found]
    wrong += [f"{name} is no command" for name in found - wanted.keys()]
    for name in wanted.keys() & found:
        part = section(text, f"## `{name}`") or ""
        options = {cell.split(" ")[0] for row in _first_cells(part) for cell in row}
        wrong += [
            f"{name} {each} is missing" for each in facts.option_names(wanted[name]) - options
        ]
        wrong += [f"{name} has no {each}" for each in options - facts.option_names(wanted[name])]
        if name not in code_blocks(part):
            wrong.append(f"{name} has no example")
    codes = set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))
    return wrong + [f"exit code {code} is missing" for code in set(facts.EXIT_CODES) - codes]


def command_names(pages: Pages) -> list[str]:
    """Every page names commands and make targets that exist."""
    first_words = {name.split(" ")[1] for name in facts.commands()} | PLANNED
    wrong = []
    for page, text in pages.items():
        code = code_blocks(text) + "\n".join(backticked(text))
        calls = re.findall(r"(?:^|\s|`|bin/)answerloop ([a-z][\w-]*)", code)
        wrong += [f"{page}: no command {each}" for each in set(calls) - first_words]
        targets = set(re.findall(r"(?:^|[\n`])make ([a-z][\w-]*)", code))
        wrong += [f"{page}: no make {each}" for each in targets - facts.make_targets()]
    return wrong


def http_page(pages: Pages) -> list[str]:
    """Every route has a section with a curl example; every error code is named."""
    text = pages["docs/http.md"]
    wanted = facts.routes()
    found = {each.strip("`") for each in headings(text, 2) if each.startswith("`")}
    wrong = [f"{route} is missing" for route in wanted - found]
    wrong += [f"{route} is no route" for route in found - wanted]
    for route in wanted & found:
        if "curl " not in code_blocks(section(text, f"## `{route}`") or ""):
            wrong.append(f"{route} has no example")
    codes = backticked(section(text, "## Errors") or "")
    wrong += [f"error code {code} is missing" for code in facts.error_codes() - codes]
    return wrong + [f"status {s} is missing" for s in Status if str(s) not in backticked(text)]


def failures_page(pages: Pages) -> list[str]:
    """Every cause has its route and meaning, every delay its number."""
    text = pages["docs/failures.md"]
    before, _, letters = text.partition("## Dead letters")
    page = table(before)
    wrong = [f"cause {name} is missing" for name in CAUSES.keys() - page.keys()]
    wrong += [f"{name} is no cause" for name in page.keys() - CAUSES.keys()]
    for name in CAUSES.keys() & page.keys():
        if page[name] != [str(CAUSES[name].route), CAUSES[name].meaning]:
            wrong.append(f"cause {name}: {page[name]}")
    named = table(letters)
    others = facts.dead_letter_causes()
    wrong += [f"dead letter cause {name} is missing" for name in others - named.keys()]
    wrong += [f"{name} is no dead letter cause" for name in named.keys() - others]
    policy = RetryPolicy()
    for retries in range(policy.overload_max_retries):
        waits = (nominal_wait(policy, kind, retries) for kind in RetryKind)
        row = f"| {retries + 1} | " + " | ".join(f"{wait:g}" for wait in waits) + " |"
        if row not in before:
            wrong.append(f"the delay row {row} is missing")
    return wrong


def linked_pages(pages: Pages) -> list[str]:
    """README links to every page."""
    linked = {target.split("#")[0] for target in links(pages["README.md"])}
    return [f"README has no link to {page}" for page in pages if page not in linked | {"README.md"}]


def whole_links(pages: Pages) -> list[str]:
    """Every relative link leads to a file, and to a heading of it."""
    wrong = []
    for page, text in pages.items():
        for target in links(text):
            path, _, anchor = target.partition("#")
            file = (ROOT / page).parent / path if path else ROOT / page
            if not file.exists():
                wrong.append(f"{page}: {target} does not exist")
            elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
                wrong.append(f"{page}: {target} has no such heading")
    return wrong


def named_files(pages: Pages) -> list[str]:
    """Every file, folder and test that a page names is there."""
    return [
        f"{page}: {name} does not exist"
        for page, text in pages.items()
        for name in sorted(named_paths(text))
        if not (ROOT / name).exists()
    ]


def promises(pages: Pages) -> list[str]:
    """Every promise of the README names a test."""
    part = section(pages["README.md"], "## What it promises") or ""
    rows = [line for line in part.splitlines() if line.startswith("| ")][1:]
    wrong = [f"no test: {row[:60]}" for row in rows if "`tests/" not in row]
    return wrong if len(rows) >= 6 else [*wrong, "the six promises are missing"]


CHECKS: tuple[Check, ...] = (
    settings_page,
    topics_page,
    records_page,
    metrics_page,
    commands_page,
    command_names,
    http_page,
    failures_page,
    linked_pages,
    whole_links,
    named_files,
    promises,
    reliability_page,
)


def _first_cells(text: str) -> list[list[str]]:
    """Return what stands in backticks in the first cell of each table row."""
    lines = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return [re.findall(r"`([^`]+)`", line) for line in lines]
