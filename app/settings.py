"""Settings: the only reader of the environment (`ANSWERLOOP_*`) and of a `.env` file.

A misspelt name, a wrong value or a contradiction stops the start with one line that names it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.config.causes import read_causes
from app.config.collector import usable_collector
from app.config.pipelines import PIPELINES, QUESTIONS, RATINGS, pipelines_of
from app.config.reading import PREFIX, dotenv, first_error, loopback, refuse_unknown_names
from app.config.secret_urls import masked_url
from app.config.strategies import read_strategies
from app.config.urls import SCHEMES, URLS_WITH_PASSWORDS, refuse_unusable_url
from app.core.breaker import BreakerPolicy
from app.core.causes import BUILT_IN, CauseTable
from app.core.flood import FloodPolicy
from app.core.gate import Metric
from app.core.guards import DEFAULT_GUARDS, guards_of
from app.core.retry import RetryPolicy
from app.core.strategies import STRATEGIES, Strategies

__all__ = [
    "PREFIX",
    "QUESTIONS",
    "RATINGS",
    "URLS_WITH_PASSWORDS",
    "Settings",
    "batch_settings",
    "known_names",
    "load_settings",
    "secret_settings",
]


def secret_settings() -> list[str]:
    """Return the names of the settings whose value is secret as a whole."""
    return [n for n, f in Settings.model_fields.items() if "SecretStr" in str(f.annotation)]


class Settings(BaseSettings):
    """Every setting, with its default, bounds and meaning. `config show` prints this table."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

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
    llm_model: str | None = Field(
        None, description="Model name; default: the server's first, or the bundled one"
    )
    llm_api_key: SecretStr | None = Field(None, description="Key of an OpenAI-compatible server")
    llm_timeout_seconds: float = Field(120, gt=0, le=3600, description="Limit of one model call")
    llm_concurrency: int = Field(
        8, ge=1, le=1000, description="Model calls in flight at most, in this process"
    )
    scorer: str = Field(
        "local:", description="BERTScore in this process, or another answerloop's score API"
    )
    scorer_model: str | None = Field(
        None, description="Model that bert-score knows, or a folder; default: the bundled MiniLM"
    )
    scorer_threads: int = Field(2, ge=1, le=256, description="Threads of the scorer")
    scorer_rescale: bool = Field(
        False, description="Scores rescaled by a baseline: random pairs score about 0"
    )
    scorer_baseline: str = Field(
        "en", min_length=1, description="Language of bert-score's baseline file, or a file"
    )
    quality_threshold: float = Field(0.75, ge=0, le=1, description="Least score of a good answer")
    quality_metric: Metric = Field(
        Metric.F1, description="Figure compared with the threshold: f1, recall, precision"
    )
    quality_profile: str = Field(
        "auto:",
        description="Calibrated gate: auto:, a file, or none (the two settings)",
    )
    gate_max_random_pass: float = Field(
        0.05, ge=0, le=1, description="Random pairs that may pass before a gate check warns: share"
    )
    gate_max_good_fail: float = Field(
        0.25, ge=0, le=1, description="Good pairs that may fail before a gate check warns: share"
    )
    guards: str = Field(
        ",".join(DEFAULT_GUARDS),
        description="Guards beside the score that reject an answer: names, all, none",
    )
    max_generations: int = Field(
        3, ge=1, le=100, description="Times a question is asked until an answer passes"
    )
    overload_base_seconds: float = Field(
        5, gt=0, le=3600, description="First wait after an overload; doubles each time"
    )
    overload_max_seconds: float = Field(
        300, gt=0, le=86400, description="Longest wait after an overload"
    )
    overload_max_retries: int = Field(
        5, ge=0, le=100, description="Retries after overloads, for each question and round"
    )
    quota_delay_seconds: float = Field(60, gt=0, le=86400, description="Wait after a 429")
    quota_max_retries: int = Field(
        5, ge=0, le=1000, description="Retries after a 429, for each question and round"
    )
    retry_jitter: float = Field(0.2, ge=0, lt=1, description="Spread of the waits: 0.2 is +- 20 %")
    deadline_seconds: float = Field(
        86400, ge=0, le=1e8, description="Time to the end from the first call; 0: none"
    )
    causes_file: Path | None = Field(None, description="TOML file that changes the table of causes")
    strategies_file: Path | None = Field(
        None, description="TOML file that says how each generation is asked"
    )
    breaker_window_seconds: float = Field(
        30, gt=0, le=3600, description="How long an ended call counts for the circuit breaker"
    )
    breaker_min_calls: int = Field(
        10, ge=1, le=100_000, description="Calls that must have ended before it may open"
    )
    breaker_failure_rate: float = Field(
        0.5, gt=0, le=1, description="Share of failed calls at which it opens"
    )
    breaker_probe_seconds: float = Field(
        5, gt=0, le=3600, description="Time to the first probe; doubles up to 6 times this"
    )
    flood_share: float = Field(
        0.5, gt=0, le=1, description="Share of deaths beyond which intake stops; 1: never"
    )
    flood_window_seconds: float = Field(
        60, ge=1, le=3600, description="Ends of this time are looked at for it"
    )
    flood_min_ends: int = Field(
        50, ge=1, le=10_000, description="Fewer ends than this never stop the intake"
    )
    flood_probe_seconds: float = Field(
        5, gt=0, le=3600, description="While it is stopped one question comes in each so often"
    )
    backlog_limit: int = Field(
        100_000, ge=1, description="Questions in progress beyond which the API refuses new ones"
    )
    stop_grace_seconds: float = Field(
        8, ge=0, le=3600, description="Time that a stopping worker gives to model calls in flight"
    )
    stuck_seconds: float = Field(
        60, ge=0, le=86400, description="No progress for so long is a stuck worker: it ends; 0: off"
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
    kafka_instance_id: str | None = Field(
        None, description="Static group membership: a stable name of this worker"
    )
    commit_interval_seconds: float = Field(
        1.0, gt=0, le=60, description="How often finished offsets are committed"
    )
    replication_factor: int = Field(1, ge=1, le=10, description="Copies of each Kafka topic")
    pipelines: str = Field(
        ",".join(PIPELINES), description="What `answerloop worker` runs: questions, ratings"
    )
    rating_max_user_id: int = Field(
        138_493, ge=1, le=2**31 - 1, description="Largest user id of a valid rating"
    )
    rating_max_movie_id: int = Field(
        131_262, ge=1, le=2**31 - 1, description="Largest movie id of a valid rating"
    )
    rating_model_dir: Path | None = Field(
        None,
        description="Where recommender models are put and looked for; default: DATA_DIR/models",
    )
    app_id: str = Field(
        "answerloop",
        pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$",
        description="Name of the installation; the consumer groups are APP_ID-questions, -ratings",
    )
    topic_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]{0,60}$", description="Goes before each topic name"
    )
    partitions: int = Field(8, ge=1, le=1000, description="Partitions of each question topic")
    data_dir: Path = Field(
        Path("data"), description="Embedded log, embedded database, table caches"
    )
    http_host: str = Field("127.0.0.1", description="Address of the HTTP server")
    http_port: int = Field(
        6066, ge=0, le=65535, description="Port of the HTTP server; 0: any free one"
    )
    http_allowed_hosts: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._*,\- ]{0,2000}$",
        description="Names with a dot that the API is reached by, separated by commas; *: any",
    )
    api_token: SecretStr | None = Field(None, description="Bearer token that writes must carry")
    otel_endpoint: str | None = Field(
        None, description="OTLP/HTTP collector that gets the traces, http://host:4318"
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="Log lines for people or for programs"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged"
    )

    _causes: CauseTable = PrivateAttr(default_factory=lambda: BUILT_IN)
    _strategies: Strategies = PrivateAttr(default_factory=lambda: STRATEGIES)

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

    @field_validator("otel_endpoint")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        return None if value is None else usable_collector(value)

    @field_validator("pipelines")
    @classmethod
    def _known_pipelines(cls, value: str) -> str:
        return ",".join(pipelines_of(value))

    @field_validator("guards")
    @classmethod
    def _known_guards(cls, value: str) -> str:
        return ",".join(guards_of(value)) or "none"

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if not loopback(self.http_host) and not self.api_token:
            raise ValueError(
                f"{PREFIX}HTTP_HOST {self.http_host} is reachable from other machines: set "
                f"{PREFIX}API_TOKEN, or bind to 127.0.0.1"
            )
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_username and self.kafka_password
        ):
            raise ValueError(
                f"{self.kafka_security_protocol} needs {PREFIX}KAFKA_USERNAME and "
                f"{PREFIX}KAFKA_PASSWORD"
            )
        if self.scorer_rescale and self.scorer != "local:":
            raise ValueError(
                f"{PREFIX}SCORER_RESCALE is for {PREFIX}SCORER=local:; a scorer elsewhere has "
                f"its own"
            )
        return self

    @model_validator(mode="after")
    def _files_read(self) -> Settings:
        """Read the files now: one that is wrong stops the start."""
        if self.causes_file is not None:
            self._causes = read_causes(self.causes_file)
        if self.strategies_file is not None:
            self._strategies = read_strategies(self.strategies_file)
        return self

    @property
    def causes(self) -> CauseTable:
        """The table of causes in force: the built-in one, changed by CAUSES_FILE."""
        return self._causes

    @property
    def strategies(self) -> Strategies:
        """How each generation is asked: STRATEGIES_FILE, else the built-in ones."""
        return self._strategies

    @property
    def pipeline_names(self) -> tuple[str, ...]:
        """The pipelines of PIPELINES."""
        return pipelines_of(self.pipelines)

    @property
    def guard_names(self) -> tuple[str, ...]:
        """The guards of GUARDS."""
        return guards_of(self.guards)

    @property
    def model_folder(self) -> Path:
        """Where recommender models are: RATING_MODEL_DIR, else under DATA_DIR."""
        return self.rating_model_dir or self.data_dir / "models"

    @property
    def retry_policy(self) -> RetryPolicy:
        return RetryPolicy(
            self.overload_base_seconds,
            self.overload_max_seconds,
            self.overload_max_retries,
            self.quota_delay_seconds,
            self.quota_max_retries,
            self.retry_jitter,
        )

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """The names (lower case) under which the API may be asked, beside safe ones."""
        names = [*self.http_allowed_hosts.split(","), self.http_host]
        return frozenset(name.strip().lower() for name in names if name.strip())

    @property
    def breaker_policy(self) -> BreakerPolicy:
        return BreakerPolicy(
            self.breaker_window_seconds,
            self.breaker_min_calls,
            self.breaker_failure_rate,
            self.breaker_probe_seconds,
        )

    @property
    def flood_policy(self) -> FloodPolicy:
        return FloodPolicy(
            self.flood_share,
            self.flood_window_seconds,
            self.flood_min_ends,
            self.flood_probe_seconds,
        )

    @property
    def embedded(self) -> bool:
        """Whether the log lives in this process's files or memory: one engine at a time."""
        return not self.broker.startswith("kafka:")


def load_settings(**overrides: Any) -> Settings:
    """Read the environment and `.env`; `overrides` (from command line options) win.

    Raises SettingsError with the name of the setting, what is wrong and how it may look.
    """
    known = known_names()
    refuse_unknown_names(os.environ, "the environment", known)
    refuse_unknown_names(dotenv(), ".env", known)
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise first_error(error, Settings) from None


def batch_settings(**overrides: Any) -> Settings:
    """Read the settings for a command that brings an engine of its own.

    It has no deadline, and any free port, unless they are set.
    """
    plain = load_settings(**overrides)
    defaults = {"deadline_seconds": 0.0, "http_port": 0}
    unset = {n: value for n, value in defaults.items() if n not in plain.model_fields_set}
    return load_settings(**{**overrides, **unset})


def known_names() -> list[str]:
    """Return the environment variable of every setting."""
    return [PREFIX + name.upper() for name in Settings.model_fields]
