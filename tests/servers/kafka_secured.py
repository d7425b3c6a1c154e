"""A real Kafka broker with a listener for each way in: TLS, client certificates, passwords."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.chaos.processes import free_ports
from tests.servers.certificates import Authority
from tests.servers.kafka import KafkaServer, start_kafka

USER, PASSWORD, KEY_PASSWORD = "worker", "contraseña=1", "clave del certificado"
_LOGIN = "org.apache.kafka.common.security"
_SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")

_PROPERTIES = """
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},TLS://127.0.0.1:{TLS},\
MUTUAL://127.0.0.1:{MUTUAL},SASL://127.0.0.1:{SASL},BOTH://127.0.0.1:{BOTH}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},TLS://localhost:{TLS},\
MUTUAL://localhost:{MUTUAL},SASL://localhost:{SASL},BOTH://localhost:{BOTH}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,\
MUTUAL:SSL,SASL:SASL_PLAINTEXT,BOTH:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
listener.name.mutual.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
"""


@dataclass(frozen=True, slots=True)
class SecuredKafka:
    """A running broker, and the settings of a client for each way in."""

    server: KafkaServer
    ways: dict[str, dict[str, str]]


def start_secured_kafka(folder: Path) -> SecuredKafka:
    """Start a broker whose files live in `folder`; `ServerMissing` without Java or Maven."""
    authority = Authority(folder)
    cert_file, key_file = authority.issue("localhost")
    keystore = folder / "keystore.pem"
    keystore.write_bytes(key_file.read_bytes() + cert_file.read_bytes())
    names = ("TLS", "MUTUAL", "SASL", "BOTH")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    properties = _PROPERTIES.format(**ports, keystore=keystore, truststore=authority.ca_file)
    users = [f"{mechanism}=[name={USER},password={PASSWORD}]" for mechanism in _SCRAM]
    server = start_kafka(
        folder,
        properties + "".join(_logins()),
        [word for user in users for word in ("--add-scram", user)],
    )
    return SecuredKafka(server, _ways(ports, authority))


def _logins() -> Iterator[str]:
    """The lines that say who may come in; Kafka reads its file as Latin-1."""
    password = PASSWORD.encode("unicode_escape").decode().replace("\\x", "\\u00")
    for listener in ("sasl", "both"):
        prefix = f"listener.name.{listener}"
        user = f'user_{USER}="{password}"'
        yield f"{prefix}.plain.sasl.jaas.config={_LOGIN}.plain.PlainLoginModule required {user};\n"
        for mechanism in _SCRAM:
            login = f"{_LOGIN}.scram.ScramLoginModule required;"
            yield f"{prefix}.{mechanism.lower()}.sasl.jaas.config={login}\n"


def _ways(ports: dict[str, int], authority: Authority) -> dict[str, dict[str, str]]:
    def way(listener: str, protocol: str, mechanism: str = "", **more: str) -> dict[str, str]:
        found = {"BROKER": f"kafka://localhost:{ports[listener]}"}
        found["KAFKA_SECURITY_PROTOCOL"] = protocol
        if "SSL" in protocol:
            found["KAFKA_CA_FILE"] = str(authority.ca_file)
        if mechanism:
            found |= {"KAFKA_USERNAME": USER, "KAFKA_PASSWORD": PASSWORD}
            found["KAFKA_SASL_MECHANISM"] = mechanism
        return {**found, **more}

    cert_file, key_file = authority.issue("worker@example.org", KEY_PASSWORD)
    own = {
        "KAFKA_CERT_FILE": str(cert_file),
        "KAFKA_KEY_FILE": str(key_file),
        "KAFKA_KEY_PASSWORD": KEY_PASSWORD,
    }
    return {
        "tls": way("TLS", "SSL"),
        "client-certificate": way("MUTUAL", "SSL", **own),
        "tls-plain": way("BOTH", "SASL_SSL", "PLAIN"),
        "tls-scram-256": way("BOTH", "SASL_SSL", "SCRAM-SHA-256"),
        "tls-scram-512": way("BOTH", "SASL_SSL", "SCRAM-SHA-512"),
        "plain": way("SASL", "SASL_PLAINTEXT", "PLAIN"),
        "scram-256": way("SASL", "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    }
