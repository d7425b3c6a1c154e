"""Topics, and how Kafka is spoken to."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from app.config.fields.group import Group
from app.config.reading import PREFIX
from app.config.tls import client_tls


class KafkaSettings(Group):
    app_id: str = Field(
        "answerloop",
        pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$",
        description="Name of the installation; the consumer groups are APP_ID-questions, -ratings",
    )
    topic_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]{0,60}$", description="Goes before each topic name"
    )
    partitions: int = Field(8, ge=1, le=1000, description="Partitions of each question topic")
    replication_factor: int = Field(1, ge=1, le=10, description="Copies of each Kafka topic")
    commit_interval_seconds: float = Field(
        1.0, gt=0, le=60, description="How often finished offsets are committed"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How Kafka is spoken to"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="SASL mechanism"
    )
    kafka_username: str | None = Field(None, description="SASL user name")
    kafka_password: SecretStr | None = Field(None, description="SASL password")
    kafka_ca_file: Path | None = Field(
        None, description="Certificate authority of the Kafka brokers (PEM)"
    )
    kafka_cert_file: Path | None = Field(
        None, description="Certificate of this client (PEM), for brokers that ask for one"
    )
    kafka_key_file: Path | None = Field(
        None, description="Private key of that certificate (PEM); default: in the same file"
    )
    kafka_key_password: SecretStr | None = Field(None, description="Password of an encrypted key")
    kafka_instance_id: str | None = Field(
        None, description="Static group membership: a stable name of this worker"
    )

    @property
    def kafka_tls(self) -> ssl.SSLContext | None:
        """What TLS with the brokers needs; None where they are spoken to in the clear."""
        if "SSL" not in self.kafka_security_protocol:
            return None
        password = self.kafka_key_password.get_secret_value() if self.kafka_key_password else None
        return client_tls(self.kafka_ca_file, self.kafka_cert_file, self.kafka_key_file, password)

    @model_validator(mode="after")
    def _name_and_password(self) -> KafkaSettings:
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_username and self.kafka_password
        ):
            raise ValueError(
                f"{self.kafka_security_protocol} needs {PREFIX}KAFKA_USERNAME and "
                f"{PREFIX}KAFKA_PASSWORD"
            )
        return self

    @model_validator(mode="after")
    def _certificates_read(self) -> KafkaSettings:
        """Read the files now: one that is wrong stops the start."""
        if self.kafka_key_file and not self.kafka_cert_file:
            raise ValueError(f"{PREFIX}KAFKA_KEY_FILE needs {PREFIX}KAFKA_CERT_FILE")
        _ = self.kafka_tls
        return self
