"""The broker, embedded or Kafka: how it is reached, why it can't be, and the topics on it."""

from app.broker.connection import (
    broker_url,
    faust_credentials,
    kafka_hosts,
    kafka_security,
    log_folder,
)

__all__ = ["broker_url", "faust_credentials", "kafka_hosts", "kafka_security", "log_folder"]
