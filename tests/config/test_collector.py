"""The address of a collector, and an installation that can't speak to one."""

from __future__ import annotations

import sys

import pytest

from app.cli.main import main
from app.config.collector import usable_collector


@pytest.mark.parametrize("url", ["http://collector:4318", "https://tempo.example.org/otlp"])
def test_a_base_address_is_taken(url: str) -> None:
    assert usable_collector(url) == url


@pytest.mark.parametrize(
    "url",
    ["collector:4318", "grpc://collector:4317", "http://", "http://a:99999", "http://a?b=1", "x"],
)
def test_what_is_no_base_address_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match="http://host:4318"):
        usable_collector(url)


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="OTEL_EXPORTER_OTLP_HEADERS") as caught:
        usable_collector("http://user:geheim@collector:4318")
    assert "geheim" not in str(caught.value)


def test_without_the_extra_a_command_ends_with_one_line_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.setenv("ANSWERLOOP_OTEL_ENDPOINT", "http://collector:4318")
    with pytest.raises(SystemExit) as ended:
        main(["worker"])
    out, errors = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert " ".join(errors.split()).startswith("error: ANSWERLOOP_OTEL_ENDPOINT: traces need")
    assert "answerloop[otel]" in errors
    assert "Traceback" not in errors
