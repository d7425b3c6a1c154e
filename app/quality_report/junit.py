"""JUnit XML for CI: each question a test case; what did not pass fails."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from app.core.lifecycle import Status
from app.files.write import replacing
from app.quality_report.rows import Row

#: What XML 1.0 can't hold, not even as a reference.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME_CHARACTERS = 200
_SPOOLED_BYTES = 8 * 1024 * 1024
_SUITE = "answerloop"


class JUnit:
    """Spools test cases, because a suite's counts stand before them."""

    def __init__(self) -> None:
        self._cases = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by `close`
            max_size=_SPOOLED_BYTES, mode="w+", encoding="utf-8"
        )
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0

    def add(self, row: Row) -> None:
        """Write a question: `failure` for low_quality, `error` for dead or without an end."""
        kind, outcome = _outcome(row)
        seconds = sum(each.seconds or 0.0 for each in row.tries)
        self._counts["tests"] += 1
        self._counts[kind] += 1
        self._seconds += seconds
        name = " ".join(row.question.split())[:_NAME_CHARACTERS] or row.question_id
        self._cases.write(
            f"  <testcase classname={_attribute(_class(row))} name={_attribute(name)}"
            f' time="{seconds:.3f}">\n{outcome}{_output(row)}  </testcase>\n'
        )

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises InputError."""
        counts = " ".join(
            f'{name}="{self._counts[name]}"' for name in ("tests", "failures", "errors", "skipped")
        )
        head = f'name="{_SUITE}" {counts} time="{self._seconds:.3f}"'
        self._cases.seek(0)
        with replacing(path) as file:
            file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
            file.write(f"<testsuites {head}>\n <testsuite {head}>\n")
            shutil.copyfileobj(self._cases, file)
            file.write(" </testsuite>\n</testsuites>\n")

    def close(self) -> None:
        self._cases.close()


def _outcome(row: Row) -> tuple[str, str]:
    """Return under which count a question comes, and its element."""
    reason = row.why or row.cause or ""
    match row.status:
        case Status.VALIDATED:
            return "passed", ""
        case Status.LOW_QUALITY:
            said = reason or "no attempt passed the gate"
            body = f"expected:\n{row.reference or ''}\n\nanswered:\n{row.answer or ''}"
            return "failures", _element("failure", "low_quality", said, body)
        case Status.DEAD:
            return "errors", _element("error", row.cause or "dead", reason or "given up", "")
        case Status.UNSCORED:
            return "skipped", '   <skipped message="no reference answer was given"/>\n'
        case _:
            return "errors", _element("error", str(row.status), "it has not ended", "")


def _element(name: str, kind: str, message: str, body: str) -> str:
    given = f"type={_attribute(kind)} message={_attribute(message)}"
    return f"   <{name} {given}>{_clean(body)}</{name}>\n"


def _output(row: Row) -> str:
    figures = ", ".join(f"{name} {value:.4f}" for name, value in row.figures.items())
    said = f"question_id {row.question_id}, generation {row.generation}"
    return f"   <system-out>{_clean(said + (', ' + figures if figures else ''))}</system-out>\n"


def _class(row: Row) -> str:
    """Return the class: the category or topic in the metadata, where there is one."""
    for key in ("category", "topic", "subject", "class"):
        value = row.metadata.get(key)
        if isinstance(value, str | int) and str(value).strip():
            return f"{_SUITE}.{' '.join(str(value).split())[:60].replace('.', '_')}"
    return f"{_SUITE}.questions"


def _attribute(value: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value))


def _clean(value: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value))
