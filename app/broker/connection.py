"""The broker as Faust and aiokafka want to hear of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.settings import Settings


def broker_url(settings: Settings) -> str:
    """Return the URL for Faust: `strict://a:9092;strict://b:9092`, `log:///folder` or `memory://name`."""
    if settings.broker.startswith("kafka://"):
        return ";".join(f"strict://{host}" for host in kafka_hosts(settings))
    if settings.broker.startswith("log:"):
        from app.transports import log_url

        return log_url(log_folder(settings))
    name = settings.broker.removeprefix("memory:").strip("/")
    return f"memory://{name or settings.app_id}"


def log_folder(settings: Settings) -> Path:
    """Return the folder of the durable embedded log."""
    return settings.data_dir.absolute() / "log"


def kafka_hosts(settings: Settings) -> list[str]:
    """Return `host:port` of each broker in `BROKER`."""
    hosts = settings.broker.removeprefix("kafka://").strip("/").split(",")
    return [host if ":" in host else f"{host}:9092" for host in hosts if host]


def kafka_security(settings: Settings) -> dict[str, Any]:
    """Return aiokafka's security arguments, and prepare aiokafka for uvloop."""
    from app.broker.writes import let_closed_be_broken

    let_closed_be_broken()
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if (tls := settings.kafka_tls) is not None:
        options["ssl_context"] = tls
    if settings.kafka_security_protocol.startswith("SASL") and settings.kafka_password:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        options["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return options


def faust_credentials(settings: Settings) -> Any:
    """Return Faust's credentials object, or None for a plain connection."""
    import faust

    protocol, tls = settings.kafka_security_protocol, settings.kafka_tls
    if protocol == "PLAINTEXT":
        return None
    if protocol == "SSL":
        return faust.SSLCredentials(tls)
    password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
    return faust.SASLCredentials(
        username=settings.kafka_username,
        password=password,
        ssl_context=tls,
        mechanism=settings.kafka_sasl_mechanism,
    )
