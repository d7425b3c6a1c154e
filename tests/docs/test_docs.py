"""The pages say what the code does: each check runs on the real pages, and on pages made wrong."""

from __future__ import annotations

import re

import pytest

from tests.docs import checks
from tests.docs.checks import CHECKS, Check
from tests.docs.pages import Pages, read_pages


@pytest.fixture(scope="module")
def pages() -> Pages:
    return read_pages()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_pages_agree_with_the_code(check: Check, pages: Pages) -> None:
    assert check(pages) == []


#: check, page, what is there, what is put in its place, a word of the complaint
SPOILED = [
    (checks.settings_page, "docs/settings.md", r"^.*LLM_CONCURRENCY.*\n", "", "is missing"),
    (checks.settings_page, "docs/settings.md", r"`120`", "`60`", "the default is `120`"),
    (checks.settings_page, "docs/settings.md", r"1 to 1000", "any", "bounds"),
    (checks.settings_page, "docs/settings.md", r"_LLM_MODEL", "_MODEL", "is no setting"),
    (checks.topics_page, "docs/topics.md", r"^\| `retries-due`.*\n", "", "retries-due is missing"),
    (checks.topics_page, "docs/topics.md", r"^\| `\S+-retries-changelog.*\n", "", "is missing"),
    (checks.topics_page, "docs/topics.md", r"30 days \|", "7 days |", "retention is 30 days"),
    (checks.topics_page, "docs/topics.md", r"`admit`, `hold` \| 7", "`admit` | 7", "read by"),
    (checks.topics_page, "docs/topics.md", r"`LlmAnswer`", "`Answer`", "record `Answer`"),
    (checks.topics_page, "docs/topics.md", r"bytes=\d+", "bytes=1", "is missing"),
    (checks.records_page, "docs/topics.md", r"### `answerloop.RetryDue`", "", "RetryDue is miss"),
    (checks.records_page, "docs/topics.md", r"^\| `waited_seconds`.*\n", "", "waited_seconds is"),
    (checks.records_page, "docs/topics.md", r"`retry_after_seconds`", "`retry_in`", "is no field"),
    (checks.metrics_page, "docs/metrics.md", r"^\| `db_errors`.*\n", "", "db_errors is missing"),
    (checks.metrics_page, "docs/metrics.md", r"`code`", "", "labels {'code'}"),
    (
        checks.metrics_page,
        "docs/metrics.md",
        r"^.*retries_waiting` \|.*\n",
        "",
        "gauge retries_wai",
    ),
    (checks.metrics_page, "docs/metrics.md", r"model_call_seconds", "call_seconds", "is missing"),
    (checks.metrics_page, "docs/metrics.md", r"`route` \| 300", "| 300", "label route"),
    (checks.metrics_page, "docs/operations.md", r"stage_errors_total", "errors", "is no metric"),
    (checks.commands_page, "docs/commands.md", r"## `answerloop show`", "", "show is missing"),
    (
        checks.commands_page,
        "docs/commands.md",
        r"^\| `--limit N`.*\n",
        "",
        "run --limit is missing",
    ),
    (checks.commands_page, "docs/commands.md", r"`--wait SEC", "`--hold SEC", "has no --hold"),
    (checks.commands_page, "docs/commands.md", r"^answerloop score .*\n", "", "has no example"),
    (checks.commands_page, "docs/commands.md", r"^\| 3 \|.*\n", "", "exit code 3"),
    (checks.command_names, "README.md", r"^answerloop run ", "answerloop go ", "no command go"),
    (checks.command_names, "README.md", r"^make demo", "make show", "no make show"),
    (checks.http_page, "docs/http.md", r"## `GET /livez`", "", "GET /livez is missing"),
    (checks.http_page, "docs/http.md", r"`GET /readyz`", "`GET /ready`", "is no route"),
    (checks.http_page, "docs/http.md", r"`backlog_full`", "", "backlog_full is missing"),
    (checks.http_page, "docs/http.md", r"^curl \S+/livez\n", "", "GET /livez has no example"),
    (checks.failures_page, "docs/failures.md", r"^\| `refused`.*\n", "", "refused is missing"),
    (checks.failures_page, "docs/failures.md", r"\| quota \| 429", "| dead | 429", "rate_limited"),
    (checks.failures_page, "docs/failures.md", r"^\| `deadline`.*\n", "", "deadline is missing"),
    (checks.failures_page, "docs/failures.md", r"\| 40 \|", "| 50 |", "delay row | 4 | 40"),
    (checks.linked_pages, "README.md", r"\(docs/metrics.md\)", "(docs/files.md)", "metrics.md"),
    (checks.whole_links, "docs/http.md", r"\(metrics.md\)", "(metric.md)", "does not exist"),
    (checks.whole_links, "docs/http.md", r"\(metrics.md\)", "(metrics.md#x)", "no such heading"),
    (checks.named_files, "README.md", r"test_due.py", "test_dew.py", "test_dew.py does not exist"),
    (checks.promises, "README.md", r"`tests/core/test_due.py`.*$", "|", "no test: | A retry"),
    (
        checks.reliability_page,
        "docs/reliability.md",
        r"::test_five_\w+`",
        "::test_x`",
        "P4: tests/",
    ),
]


@pytest.mark.parametrize(("check", "page", "there", "instead", "complaint"), SPOILED)
def test_a_page_that_is_wrong_is_found(
    check: Check, page: str, there: str, instead: str, complaint: str, pages: Pages
) -> None:
    spoiled, times = re.subn(there, instead, pages[page], flags=re.MULTILINE)
    assert times, "the page has no such text any more: spoil something else"
    found = check({**pages, page: spoiled})
    assert any(complaint in each for each in found), found


def test_every_check_is_seen_to_fail() -> None:
    assert {check for check, *_ in SPOILED} == set(CHECKS)
