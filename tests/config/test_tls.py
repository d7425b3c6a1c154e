"""Certificates that settings name: what is used, and what a wrong file says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.config.tls import client_tls
from app.errors import SettingsError
from app.settings import load_settings
from tests.servers.certificates import Authority

Files = tuple[Path, Path, Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """CA, certificate and key."""
    authority = Authority(tmp_path)
    return (authority.ca_file, *authority.issue("worker@example.org"))


def test_the_authority_and_the_own_certificate_are_loaded(files: Files) -> None:
    ca, cert, key = files
    context = client_tls(ca, cert, key, None)
    assert len(context.get_ca_certs()) == 1
    assert context.check_hostname


def test_a_key_may_be_in_the_certificates_file(files: Files) -> None:
    ca, cert, key = files
    cert.write_bytes(cert.read_bytes() + key.read_bytes())
    assert client_tls(ca, cert, None, None)


def test_an_encrypted_key_is_opened_by_its_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue("worker@example.org", "contraseña")
    assert client_tls(authority.ca_file, cert, key, "contraseña")
    for password, words in (("", "is not set"), (None, "is not set"), ("no", "does not open it")):
        with pytest.raises(ValueError, match=rf"KAFKA_KEY_FILE: {key} is encrypted.*{words}"):
            client_tls(authority.ca_file, cert, key, password)


def test_a_wrong_file_is_named_with_what_it_should_be(files: Files, tmp_path: Path) -> None:
    ca, cert, key = files
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    (tmp_path / "other").mkdir()
    other, _ = Authority(tmp_path / "other").issue("worker@example.org")
    for given, words in (
        ((tmp_path / "none.pem", None, None), "KAFKA_CA_FILE: .*none.pem can't be read"),
        ((tmp_path, None, None), "KAFKA_CA_FILE: .* can't be read .Is a directory"),
        ((empty, None, None), "KAFKA_CA_FILE: .*empty.pem holds no certificate"),
        ((ca, tmp_path / "none.pem", key), "KAFKA_CERT_FILE: .*none.pem can't be read"),
        ((ca, cert, tmp_path / "none.pem"), "KAFKA_KEY_FILE: .*none.pem can't be read"),
        ((ca, cert, empty), "KAFKA_KEY_FILE: .*empty.pem can't be used"),
        ((ca, cert, None), "KAFKA_CERT_FILE: .* can't be used"),
        ((ca, other, key), "KAFKA_KEY_FILE: .* is not the key of the first certificate in"),
    ):
        with pytest.raises(ValueError, match=words):
            client_tls(*given, None)


def test_a_wrong_file_stops_the_start_where_tls_is_asked_for(
    files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    ca, cert, key = files
    moved = shutil.move(ca, tmp_path / "moved.pem")
    asked = {"kafka_security_protocol": "SSL", "kafka_ca_file": ca}
    with pytest.raises(SettingsError, match=r"ANSWERLOOP_KAFKA_CA_FILE: .*ca.pem can't be read"):
        load_settings(**asked)
    assert load_settings(**{**asked, "kafka_ca_file": moved}).kafka_tls
    assert load_settings(kafka_ca_file=ca).kafka_tls is None
    with pytest.raises(SettingsError, match="KAFKA_KEY_FILE needs ANSWERLOOP_KAFKA_CERT_FILE"):
        load_settings(kafka_key_file=key)
    assert load_settings(kafka_cert_file=cert, kafka_key_file=key)
