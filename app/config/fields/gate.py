"""The gate: scorer, threshold, guards, and how weak answers are asked again."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PrivateAttr, field_validator, model_validator

from app.config.fields.group import Group
from app.config.strategies import read_strategies
from app.core.gate import Metric
from app.core.guards import DEFAULT_GUARDS, guards_of
from app.core.strategies import STRATEGIES, Strategies


class GateSettings(Group):
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
    strategies_file: Path | None = Field(
        None, description="TOML file that says how each generation is asked"
    )

    _strategies: Strategies = PrivateAttr(default_factory=lambda: STRATEGIES)

    @property
    def strategies(self) -> Strategies:
        """How each generation is asked: STRATEGIES_FILE, else the built-in ones."""
        return self._strategies

    @property
    def guard_names(self) -> tuple[str, ...]:
        """The guards of GUARDS."""
        return guards_of(self.guards)

    @field_validator("guards")
    @classmethod
    def _known_guards(cls, value: str) -> str:
        return ",".join(guards_of(value)) or "none"

    @model_validator(mode="after")
    def _strategies_read(self) -> GateSettings:
        """Read the file now: one that is wrong stops the start."""
        if self.strategies_file is not None:
            self._strategies = read_strategies(self.strategies_file)
        return self
