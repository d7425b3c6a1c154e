"""The service: what a worker runs, its HTTP server, how it stops, logs and traces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from app.config.collector import usable_collector
from app.config.fields.group import Group
from app.config.pipelines import PIPELINES, pipelines_of
from app.config.reading import PREFIX, loopback


class ServiceSettings(Group):
    pipelines: str = Field(
        ",".join(PIPELINES), description="What `answerloop worker` runs: questions, ratings"
    )
    stop_grace_seconds: float = Field(
        8, ge=0, le=3600, description="Time that a stopping worker gives to model calls in flight"
    )
    stuck_seconds: float = Field(
        60, ge=0, le=86400, description="No progress for so long is a stuck worker: it ends; 0: off"
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

    @property
    def pipeline_names(self) -> tuple[str, ...]:
        """The pipelines of PIPELINES."""
        return pipelines_of(self.pipelines)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """The names (lower case) under which the API may be asked, beside safe ones."""
        names = [*self.http_allowed_hosts.split(","), self.http_host]
        return frozenset(name.strip().lower() for name in names if name.strip())

    @field_validator("otel_endpoint")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        return None if value is None else usable_collector(value)

    @field_validator("pipelines")
    @classmethod
    def _known_pipelines(cls, value: str) -> str:
        return ",".join(pipelines_of(value))

    @model_validator(mode="after")
    def _closed_or_on_loopback(self) -> ServiceSettings:
        if not loopback(self.http_host) and not self.api_token:
            raise ValueError(
                f"{PREFIX}HTTP_HOST {self.http_host} is reachable from other machines: set "
                f"{PREFIX}API_TOKEN, or bind to 127.0.0.1"
            )
        return self
