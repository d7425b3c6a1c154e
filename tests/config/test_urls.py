"""URLs of PostgreSQL and Redis: options and files in them are looked at when the program starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.urls import refuse_unusable_url


@pytest.mark.parametrize(
    ("setting", "url", "words"),
    [
        (
            "database",
            "postgresql://u:secret@h/n?sslmode=verify-full&sslrootcert=/none/ca.pem",
            "sslrootcert: /none/ca.pem can't be read",
        ),
        ("database", "postgresql://h/n?sslkey=/none/key.pem", "sslkey: /none/key.pem can't be"),
        ("database", "postgresql://u:secret@h/n?sslmode=on", "sslmode must be one of .*, require"),
        ("cache", "rediss://:secret@h:6379/0?ssl_ca_certs=/none/ca.pem", "ssl_ca_certs: /none/ca"),
        ("cache", "rediss://h:6379/0?ssl_cert_reqs=maybe", "ssl_cert_reqs must be one of none"),
    ],
)
def test_a_wrong_option_is_named_and_the_password_is_not(
    setting: str, url: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        refuse_unusable_url(setting, url)
    assert "secret" not in str(caught.value)


def test_options_that_can_be_used_pass(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    refuse_unusable_url("database", f"postgresql://h/n?sslmode=verify-full&sslrootcert={ca}")
    refuse_unusable_url("cache", f"rediss://h:6379/0?ssl_ca_certs={ca}&ssl_cert_reqs=required")
    refuse_unusable_url("database", "postgresql://h/n?application_name=x&host=/run/postgresql")
