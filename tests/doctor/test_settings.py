"""Settings, Python and libraries: where values come from, what contradicts, what is too new."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.doctor.outcome import Status
from app.doctor.versions import Requirement, extras_needed, requirements, satisfies
from app.doctor.waits import longest_life_seconds
from app.settings import load_settings
from tests.doctor.looking import look, mends, site


def test_each_setting_is_told_with_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ANSWERLOOP_PARTITIONS=4\nANSWERLOOP_APP_ID=other\n")
    monkeypatch.setenv("ANSWERLOOP_LLM_CONCURRENCY", "3")
    found = look(site(tmp_path), "settings")
    assert found.status is Status.OK
    for told in ("PARTITIONS (.env)", "LLM_CONCURRENCY (environment)", "DATA_DIR (option)"):
        assert f"ANSWERLOOP_{told}" in found.seen
    monkeypatch.setenv("ANSWERLOOP_PARTITIONS", "4")
    assert look(site(tmp_path), "settings").status is Status.OK, "the same value twice"
    monkeypatch.setenv("ANSWERLOOP_PARTITIONS", "5")
    shadowed = look(site(tmp_path), "settings")
    assert shadowed.status is Status.WARNING
    assert "ANSWERLOOP_PARTITIONS is in the environment and" in shadowed.seen


def test_a_deadline_before_the_last_retry_is_found_and_its_mend_fits(tmp_path: Path) -> None:
    assert look(site(tmp_path), "retries").status is Status.OK
    short = {"deadline_seconds": 600.0}
    found = look(site(tmp_path, **short), "retries")
    assert found.status is Status.WARNING
    [mend] = mends(found, "setting")
    wanted = float(mend.removeprefix("ANSWERLOOP_DEADLINE_SECONDS="))
    assert look(site(tmp_path, deadline_seconds=wanted), "retries").status is Status.OK
    upside_down = {"overload_base_seconds": 900, "overload_max_seconds": 30}
    assert look(site(tmp_path, **upside_down), "retries").status is Status.WARNING


def test_the_longest_life_counts_every_wait_and_call() -> None:
    few = {
        "overload_base_seconds": 400.0,
        "overload_max_seconds": 500.0,
        "overload_max_retries": 2,
        "quota_max_retries": 1,
        "retry_jitter": 0.5,
        "max_generations": 2,
        "llm_timeout_seconds": 10.0,
    }
    settings = load_settings(**few)
    # 400 and 500 s with jitter, a Retry-After of 300 s for the quota; 2 calls and 3 retries.
    assert longest_life_seconds(settings) == pytest.approx(600 + 750 + 300 + 5 * 10)
    assert longest_life_seconds(load_settings(**few, deadline_seconds=60)) == 60
    assert longest_life_seconds(load_settings(**few, deadline_seconds=0)) == pytest.approx(1700)


@pytest.mark.parametrize(
    ("version", "specifier", "fits"),
    [
        ("4.57.6", "<5,>=4.45", True),
        ("5.0.0", "<5,>=4.45", False),
        ("5.0.0rc1", "<5,>=4.45", False),
        ("4.9", "<5,>=4.45", False),
        ("0.3.13", "==0.3.13", True),
        ("0.3.13.post1", "==0.3.13", True),
        ("0.3.12", "==0.3.13", False),
        ("2.13.0+cpu", "<3,>=2.2", True),
        ("1.0", "==1", True),
        ("1.4.9", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False),
        ("2.0", "!=2.0", False),
        ("9", "", True),
    ],
)
def test_a_version_is_compared_by_numbers(version: str, specifier: str, fits: bool) -> None:
    assert satisfies(version, specifier) is fits


def test_this_package_asks_for_the_pins_that_matter() -> None:
    asked = {(each.name, each.extra): each.specifier for each in requirements()}
    assert asked["faust-streaming", None] == "==0.15.3"
    assert asked["bert-score", "scorer"] == "==0.3.13"
    assert asked["transformers", "scorer"] == "<5,>=4.45"
    assert Requirement("no-such-library-here", "", None).installed is None


def test_a_library_that_is_too_new_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "site" / "transformers-5.1.0.dist-info"
    newer.mkdir(parents=True)
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 5.1.0\n")
    assert look(site(tmp_path, scorer="local:"), "libraries").status is Status.OK
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = look(site(tmp_path, scorer="local:"), "libraries")
    assert found.status is Status.PROBLEM
    assert "transformers is 5.1.0, not <5,>=4.45" in found.seen
    assert mends(found, "command")[0].endswith("-m pip install 'transformers<5,>=4.45'")
    elsewhere = look(site(tmp_path, scorer="http://h:1"), "libraries")
    assert elsewhere.status is Status.WARNING, "nothing here uses it"


def test_extras_are_needed_by_what_the_settings_choose(tmp_path: Path) -> None:
    assert extras_needed(site(tmp_path, scorer="local:", llm="bundled:").settings) == {
        "scorer",
        "bundled",
    }
    assert extras_needed(site(tmp_path, scorer="http://h:1", llm="ollama://h").settings) == set()
