"""Parts, chosen by URL: broker, database, cache, language model, scorer; and their folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, field_serializer, field_validator

from app.config.fields.group import Group
from app.config.secret_urls import masked_url
from app.config.urls import SCHEMES, URLS_WITH_PASSWORDS, refuse_unusable_url


class PartSettings(Group):
    broker: str = Field(
        "log:", description="Where messages live: durable embedded log, memory, Kafka"
    )
    database: str = Field(
        "embedded:", description="PostgreSQL: embedded under DATA_DIR, or a server"
    )
    cache: str = Field("memory:", description="Answer cache: in-process LRU, or Redis")
    llm: str = Field(
        "auto:", description="Model server; auto: a running Ollama, else the bundled model"
    )
    scorer: str = Field(
        "local:", description="BERTScore in this process, or another answerloop's score API"
    )
    data_dir: Path = Field(
        Path("data"), description="Embedded log, embedded database, table caches"
    )

    @property
    def one_engine(self) -> bool:
        """Log or database belong to one process: a running engine is asked, not gone around."""
        return self.embedded or self.database == "embedded:"

    @property
    def embedded(self) -> bool:
        """Whether the log lives in this process's files or memory: one engine at a time."""
        return not self.broker.startswith("kafka:")

    @field_validator("broker", "database", "cache", "llm", "scorer")
    @classmethod
    def _known_scheme(cls, value: str, info: Any) -> str:
        refuse_unusable_url(info.field_name, value)
        return value

    @field_serializer(*URLS_WITH_PASSWORDS)
    def _no_password(self, value: str) -> str:
        return masked_url(value)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Show what `repr` and error pages show, without the passwords inside URLs."""
        for name, value in super().__repr_args__():
            yield name, masked_url(value) if name in SCHEMES else value
