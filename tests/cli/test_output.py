"""What commands print: tables on narrow terminals, hints after errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from app.cli import output
from app.cli.dlq_options import read_filter
from app.cli.main import main
from app.cli.watch import address_of
from app.errors import UnavailableError
from app.settings import load_settings


@pytest.mark.parametrize(("width", "shown"), [(80, False), (120, True)])
def test_a_narrow_terminal_leaves_columns_out_and_says_which(
    width: int, shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "stdout", lambda: Console(width=width))
    name = "A_NAME_THAT_STAYS_WHOLE_" * 2
    output.print_table(
        None, ("name", "about"), [(name, "words " * 30)], whole=("name",), wide_only=("about",)
    )
    printed = capsys.readouterr().out
    assert name in printed
    assert ("words" in printed) is shown
    assert ("not shown in under 100 columns: about" in printed) is not shown


def test_what_can_not_be_reached_is_followed_by_the_command_that_says_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ANSWERLOOP_BROKER", "kafka://127.0.0.1:1")
    with pytest.raises(SystemExit) as end:
        main(["topics", "tail", "dead-letters", "-e"])
    assert end.value.code == 4
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ANSWERLOOP_BROKER: no Kafka answers at 127.0.0.1:1")
    assert hint.startswith("answerloop doctor ")


def test_without_a_port_or_a_worker_there_is_no_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANSWERLOOP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ANSWERLOOP_HTTP_PORT", "0")
    with pytest.raises(UnavailableError, match="no worker runs with ANSWERLOOP_DATA_DIR="):
        address_of(load_settings())
    monkeypatch.setenv("ANSWERLOOP_HTTP_PORT", "6066")
    assert address_of(load_settings()) == "http://127.0.0.1:6066"


def test_a_misspelt_cause_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    read_filter({"cause": ("unauthorised", "rejected", "overload_retries_exhausted")})
    said = capsys.readouterr().err.splitlines()
    assert said == ["--cause unauthorised: did you mean unauthorized?"]
