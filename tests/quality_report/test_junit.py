"""JUnit XML: the counts, what fails and why, and texts that XML can't hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from app.quality_report.builder import Beside, building
from tests.quality_report.samples import HOSTILE, hostile_results, random_results, result


def suite_of(results: list[dict[str, Any]], folder: Path) -> ElementTree.Element:
    path = folder / "junit.xml"
    with building(Beside(junit=path)) as report:
        for each in results:
            report.add(each)
    root = ElementTree.parse(path).getroot()
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.attrib == root.attrib
    return suite


def test_counts_are_those_of_the_cases(tmp_path: Path) -> None:
    results = random_results(300)
    suite = suite_of(results, tmp_path)
    states = Counter(each["status"] for each in results)
    assert suite.attrib["tests"] == "300"
    assert (
        suite.attrib["failures"]
        == str(states["low_quality"])
        == str(len(suite.findall("*/failure")))
    )
    assert suite.attrib["errors"] == str(states["dead"]) == str(len(suite.findall("*/error")))
    assert (
        suite.attrib["skipped"] == str(states["unscored"]) == str(len(suite.findall("*/skipped")))
    )
    seconds = sum(float(case.attrib["time"]) for case in suite)
    assert (
        float(suite.attrib["time"]) == seconds == 1.5 * sum(each["generation"] for each in results)
    )


def test_a_failure_tells_what_was_wanted(tmp_path: Path) -> None:
    failed = result(1, "low_quality", 0.3, why="f1 0.300 < 0.500", metadata={"topic": "art.x"})
    suite = suite_of([failed, result(2, "asking")], tmp_path)
    case, unended = suite
    assert case.attrib["classname"] == "answerloop.art_x"
    assert case.attrib["name"] == "Question 1?"
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "low_quality", "message": "f1 0.300 < 0.500"}
    assert failure.text == "expected:\nReference 1.\n\nanswered:\nAnswer 1."
    error = unended.find("error")
    assert error is not None
    assert error.attrib["message"] == "it has not ended"


def test_hostile_texts_stay_in_their_attributes(tmp_path: Path) -> None:
    suite = suite_of(hostile_results(), tmp_path)
    assert len(suite) == len(HOSTILE)
    names = [case.attrib["name"] for case in suite]
    assert names[0] == HOSTILE[0]
    assert names[4] == HOSTILE[4]
    assert names[10] == "nul\N{REPLACEMENT CHARACTER}bell\N{REPLACEMENT CHARACTER}escape" + (
        "\N{REPLACEMENT CHARACTER}[31m"
    )
    assert {child.tag for case in suite for child in case} == {"failure", "error", "system-out"}


def test_the_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text("the old one")
    try:
        with building(Beside(junit=path)) as report:
            report.add(result(1, "validated", 0.9))
            raise RuntimeError("the database went away")
    except RuntimeError:
        pass
    assert path.read_text() == "the old one"
    assert [each.name for each in tmp_path.iterdir()] == ["junit.xml"]
