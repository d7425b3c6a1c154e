"""The ratings pipeline as a Faust app."""

from __future__ import annotations

from dataclasses import replace

from agents.ratings.context import RatingsContext, RatingsLimits
from agents.ratings.stages import register_all
from app.config.pipelines import RATINGS
from app.factory.faust_options import faust_options
from app.factory.stage_app import StageApp, new_owner
from app.metrics import Metrics
from app.ports.ratings import RatingPorts
from app.service.boot import Boot
from app.service.outside import RatingsOutside
from app.settings import Settings
from app.topics import RATINGS_PARTITIONS, app_name, rating_topic_names, topics_of
from app.transports import TopicPlan, register
from app.wire import TopicSchema

#: Records of one partition of `ratings` that its agent gets at once.
RATINGS_CHUNK = 3000


class RatingsApp(StageApp):
    """The ratings pipeline."""

    context: RatingsContext


def create_ratings_app(
    settings: Settings,
    ports: RatingPorts | None = None,
    limits: RatingsLimits | None = None,
    *,
    metrics: Metrics | None = None,
) -> RatingsApp:
    """Return the ratings pipeline as a Faust app, its `context` attached.

    With `ports` the app uses those and closes nothing of theirs; without, it opens what the
    settings name when it boots. `limits` replaces what the settings say (for tests). `metrics` are
    those of the process, where another pipeline runs in it.
    """
    register()
    names = rating_topic_names(settings)
    app = RatingsApp(
        app_name(settings, RATINGS),
        topic_plans={names.ratings: TopicPlan(packed=True, max_records=RATINGS_CHUNK)},
        **faust_options(settings, RATINGS_PARTITIONS),
    )
    tagged = [spec for spec in topics_of(settings, [RATINGS]) if spec.name != names.ratings]
    context = RatingsContext(
        app=app,
        names=names,
        schema=TopicSchema({spec.name: spec.record for spec in tagged if spec.record}),
        limits=limits or _limits(settings),
        owner=new_owner(),
        metrics=metrics or Metrics(),
        opened=ports,
    )
    register_all(context)
    app.held_events = set()
    app.context = context
    outside = RatingsOutside(context, settings, opens_ports=ports is None)
    app.boot_strategy = Boot(app, context, settings, outside)
    return app


def _limits(settings: Settings) -> RatingsLimits:
    return replace(
        RatingsLimits(),
        max_user_id=settings.rating_max_user_id,
        max_movie_id=settings.rating_max_movie_id,
        stop_grace_seconds=settings.stop_grace_seconds,
    )
