"""Retries: how long failed calls wait, how often, and which failures do."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PrivateAttr, model_validator

from app.config.causes import read_causes
from app.config.fields.group import Group
from app.core.causes import BUILT_IN, CauseTable
from app.core.retry import RetryPolicy


class RetrySettings(Group):
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

    _causes: CauseTable = PrivateAttr(default_factory=lambda: BUILT_IN)

    @property
    def causes(self) -> CauseTable:
        """The table of causes in force: the built-in one, changed by CAUSES_FILE."""
        return self._causes

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

    @model_validator(mode="after")
    def _causes_read(self) -> RetrySettings:
        """Read the file now: one that is wrong stops the start."""
        if self.causes_file is not None:
            self._causes = read_causes(self.causes_file)
        return self
