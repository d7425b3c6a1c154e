"""What others may read or reach, made so, found, and mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.doctor.outcome import Status
from app.transports.embedded.sqlite import SqliteStorage
from tests.doctor.looking import look, mends, site, type_in


def _open_to_others(folder: Path) -> None:
    """The temporary folders of tests are closed above: open them as a home or /srv would be."""
    for each in (folder, *folder.parents):
        if each.stat().st_mode & 0o011 == 0:
            each.chmod(0o755)


def test_a_readable_env_file_with_a_secret_is_found_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _open_to_others(tmp_path)
    env = tmp_path / ".env"
    env.write_text("ANSWERLOOP_API_TOKEN=0123456789abcdef0123\n")
    env.chmod(0o644)
    found = look(site(tmp_path), "secret-files")
    assert found.status is Status.PROBLEM
    assert str(env) in found.seen
    [mend] = mends(found, "command")
    type_in(mend, tmp_path)
    assert look(site(tmp_path), "secret-files").status is Status.OK
    env.write_text("ANSWERLOOP_LLM=bundled:\n")
    env.chmod(0o644)
    assert look(site(tmp_path), "secret-files").status is Status.OK, "it holds no secret"
    env.write_text("ANSWERLOOP_CACHE=redis://:word@h\n")
    assert look(site(tmp_path), "secret-files").status is Status.PROBLEM


def test_a_readable_log_is_found_and_closed(tmp_path: Path) -> None:
    SqliteStorage(tmp_path / "data" / "log").close()
    assert look(site(tmp_path), "secret-files").status is Status.OK
    _open_to_others(tmp_path)
    for path in (tmp_path / "data", tmp_path / "data" / "log"):
        path.chmod(0o755)
    (tmp_path / "data" / "log" / "log.sqlite").chmod(0o644)
    found = look(site(tmp_path), "secret-files")
    assert found.status is Status.WARNING
    for mend in mends(found, "command"):
        type_in(mend, tmp_path)
    assert look(site(tmp_path), "secret-files").status is Status.OK


def test_a_short_token_and_any_host_are_warned_of(tmp_path: Path) -> None:
    assert look(site(tmp_path), "http-token").status is Status.OK
    short = look(site(tmp_path, http_host="0.0.0.0", api_token="short"), "http-token")
    assert (short.status, "5 characters" in short.seen) == (Status.WARNING, True)
    assert "ANSWERLOOP_API_TOKEN=" in mends(short, "setting")[0]
    command = look(site(tmp_path, api_token="$(openssl rand -hex 24)"), "http-token")
    assert (command.status, "nothing ran" in command.seen) == (Status.PROBLEM, True)
    rebinding = look(site(tmp_path, http_allowed_hosts="*"), "http-token")
    assert rebinding.status is Status.WARNING
    good = site(tmp_path, http_host="0.0.0.0", api_token="0123456789abcdef")
    assert look(good, "http-token").status is Status.OK


def test_the_token_that_is_offered_is_one_where_it_is_put(tmp_path: Path) -> None:
    """In a .env no command is run: what it says is the token."""
    found = look(site(tmp_path, api_token="short"), "http-token")
    offered = mends(found, "setting")[0]
    (tmp_path / ".env").write_text(offered + "\n")
    name, _, token = offered.partition("=")
    assert (name, len(token)) == ("ANSWERLOOP_API_TOKEN", 48)
    assert token.isalnum()
    again = look(site(tmp_path, api_token="short"), "http-token")
    assert mends(again, "setting")[0] != offered


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        (
            {"llm": "openai+http://far:1/v1", "llm_api_key": "k"},
            "ANSWERLOOP_LLM=openai+https://far:1/v1",
        ),
        (
            {
                "broker": "kafka://far:9092",
                "kafka_security_protocol": "SASL_PLAINTEXT",
                "kafka_username": "u",
                "kafka_password": "p",
            },
            "ANSWERLOOP_KAFKA_SECURITY_PROTOCOL=SASL_SSL",
        ),
        ({"cache": "redis://:word@far"}, "rediss://"),
        ({"scorer": "http://far:8000", "api_token": "0123456789abcdef"}, "proxy with TLS"),
    ],
)
def test_a_password_in_the_clear_is_warned_of_unless_it_stays_here(
    tmp_path: Path, settings: dict[str, str], mend: str
) -> None:
    found = look(site(tmp_path, **settings), "plain-passwords")
    assert found.status is Status.WARNING
    assert mend in found.mends[0].text
    assert look(site(tmp_path, scorer="http://far:8000"), "plain-passwords").status is Status.OK
    here = {name: value.replace("far", "127.0.0.1") for name, value in settings.items()}
    assert look(site(tmp_path, **here), "plain-passwords").status is Status.OK
