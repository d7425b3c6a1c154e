"""Certificates as settings name them, read when the program starts."""

from __future__ import annotations

import ssl
from pathlib import Path

from app.config.reading import PREFIX


def client_tls(
    ca_file: Path | None, cert_file: Path | None, key_file: Path | None, key_password: str | None
) -> ssl.SSLContext:
    """Return what a client of Kafka needs for TLS; without a CA file the system's are trusted.

    Raises ValueError naming the setting, the file and what mends it.
    """
    for name, path in (("CA", ca_file), ("CERT", cert_file), ("KEY", key_file)):
        if path is not None:
            refuse_unreadable(f"{PREFIX}KAFKA_{name}_FILE", path)
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except ssl.SSLError as error:
        raise ValueError(
            f"{PREFIX}KAFKA_CA_FILE: {ca_file} holds no certificate in PEM form ({_reason(error)}):"
            " it should begin with -----BEGIN CERTIFICATE-----"
        ) from None
    if cert_file is not None:
        _load_own(context, cert_file, key_file, key_password)
    return context


def _load_own(
    context: ssl.SSLContext, cert_file: Path, key_file: Path | None, key_password: str | None
) -> None:
    asked = False

    def password() -> str:
        """Give a word in any case: without this OpenSSL would ask for it at the terminal."""
        nonlocal asked
        asked = True
        return key_password or ""

    holder = f"{PREFIX}KAFKA_{'KEY' if key_file else 'CERT'}_FILE: {key_file or cert_file}"
    try:
        context.load_cert_chain(cert_file, key_file, password)
    except ssl.SSLError as error:
        if asked:
            opens = "does not open it" if key_password else "is not set"
            raise ValueError(
                f"{holder} is encrypted, and {PREFIX}KAFKA_KEY_PASSWORD {opens}"
            ) from None
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(
                f"{holder} is not the key of the first certificate in {cert_file}"
            ) from None
        raise ValueError(
            f"{holder} can't be used ({_reason(error)}): {PREFIX}KAFKA_CERT_FILE must hold a"
            " certificate, and this file its private key, both in PEM form"
        ) from None


def refuse_unreadable(name: str, path: Path) -> None:
    """Raise ValueError, beginning with `name`, where this file can't be read."""
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise ValueError(
            f"{name}: {path.absolute()} can't be read ({error.strerror or error})"
        ) from None


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
