"""Why a Kafka broker can't be used, in words, with what mends it.

aiokafka writes the reason to its log and raises "Unable to bootstrap"; so the brokers are asked
once more, and what that raises is told.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.config.reading import PREFIX
from app.errors import BrokerUnavailable

#: For each broker; a network that swallows packets would otherwise take a minute.
_ASK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Reason:
    """What a broker did, and the settings to look at. `answered`: something listens there."""

    seen: str
    mend: str
    answered: bool = True

    def __str__(self) -> str:
        return f"{self.seen}; {self.mend}"


async def why_unreachable(hosts: Sequence[str], security: Mapping[str, Any]) -> Reason:
    """Ask each of `hosts` (`host:port`), and return why the first that answers can't be used.

    `security` is that of `app.broker.kafka_security`.
    """
    reasons = await asyncio.gather(*(_ask(host, security) for host in hosts))
    return next((reason for reason in reasons if reason.answered), reasons[0])


async def unavailable(hosts: Sequence[str], security: Mapping[str, Any]) -> BrokerUnavailable:
    """Return the error of a client that could not start."""
    reason = await why_unreachable(hosts, security)
    names = ",".join(hosts)
    met = f"Kafka at {names} can't be used" if reason.answered else f"no Kafka answers at {names}"
    return BrokerUnavailable(f"{PREFIX}BROKER: {met}: {reason}")


async def _ask(address: str, security: Mapping[str, Any]) -> Reason:
    from aiokafka.conn import create_conn
    from aiokafka.errors import KafkaError

    host, _, port = address.rpartition(":")
    options = {"security_protocol": "PLAINTEXT", "ssl_context": None, **security}
    milliseconds = int(1000 * _ASK_SECONDS)
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            connection = await create_conn(
                host, int(port), request_timeout_ms=milliseconds, **options
            )
    except (OSError, TimeoutError, KafkaError) as error:
        return _reason(error, str(options["security_protocol"]))
    connection.close()
    return Reason("it answers now", "try again")


def _reason(error: Exception, protocol: str) -> Reason:
    from aiokafka.errors import KafkaError

    listener = f"{PREFIX}KAFKA_SECURITY_PROTOCOL is {protocol}: is that what the listener speaks?"
    if "SSL" in protocol:
        listener += f" Or does it ask for a certificate ({PREFIX}KAFKA_CERT_FILE)?"
    match error:
        case ssl.SSLError():
            return _tls_reason(error, listener)
        case socket.gaierror():
            return Reason("its name is unknown", f"see {PREFIX}BROKER and DNS", answered=False)
        case KafkaError():
            return _kafka_reason(error, listener)
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return Reason("it ends the connection", listener)
        case TimeoutError():
            return Reason(f"no answer within {_ASK_SECONDS:.0f} s", listener)
        case _:
            return Reason(str(error), f"does Kafka run there? see {PREFIX}BROKER", answered=False)


def _tls_reason(error: ssl.SSLError, listener: str) -> Reason:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reason(
            f"its certificate is not trusted ({error.verify_message})",
            f"{PREFIX}KAFKA_CA_FILE must hold the authority that signed it, and {PREFIX}BROKER a"
            " name that it is for",
        )
    return Reason(f"TLS fails ({error.reason or error})", listener)


def _kafka_reason(error: Exception, listener: str) -> Reason:
    from aiokafka.errors import (
        IllegalSaslStateError,
        SaslAuthenticationFailed,
        UnsupportedSaslMechanismError,
    )

    user = f"{PREFIX}KAFKA_USERNAME and {PREFIX}KAFKA_PASSWORD"
    mechanism = f"{PREFIX}KAFKA_SASL_MECHANISM"
    match error:
        case SaslAuthenticationFailed():
            return Reason("it refuses the user or the password", f"see {user}, and {mechanism}")
        case UnsupportedSaslMechanismError():
            return Reason("it does not take this mechanism", f"see {mechanism}")
        case IllegalSaslStateError():
            return Reason("it asks for no password", listener)
        case _:
            return Reason("it ends the connection", listener)
