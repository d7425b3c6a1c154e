"""All scenarios, by name, in the order in which `all` runs them."""

from __future__ import annotations

from app.chaos.scenario import Scenario
from app.chaos.scenarios.broker_down import BROKER_DOWN
from app.chaos.scenarios.embedded_kills import EMBEDDED_KILLS
from app.chaos.scenarios.freeze_worker import FREEZE_WORKER
from app.chaos.scenarios.kill_storm import KILL_STORM
from app.chaos.scenarios.kill_workers import KILL_WORKERS
from app.chaos.scenarios.model_overload import MODEL_OVERLOAD
from app.chaos.scenarios.poison import POISON
from app.chaos.scenarios.postgres_down import POSTGRES_BACKENDS, POSTGRES_DOWN
from app.chaos.scenarios.redis_down import REDIS_DOWN
from app.chaos.scenarios.replay import REPLAY
from app.chaos.scenarios.rolling_restarts import ROLLING_RESTARTS
from app.chaos.scenarios.slow_model import SLOW_MODEL
from app.chaos.scenarios.soak import SOAK
from app.chaos.scenarios.stop_without_broker import STOP_WITHOUT_BROKER

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        KILL_WORKERS,
        ROLLING_RESTARTS,
        FREEZE_WORKER,
        KILL_STORM,
        EMBEDDED_KILLS,
        BROKER_DOWN,
        STOP_WITHOUT_BROKER,
        MODEL_OVERLOAD,
        SLOW_MODEL,
        POSTGRES_DOWN,
        POSTGRES_BACKENDS,
        REDIS_DOWN,
        POISON,
        REPLAY,
        SOAK,
    )
}
