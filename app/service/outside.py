"""The outside world of a worker's app: ports are opened first and closed last, topics are there."""

from __future__ import annotations

import traceback
from abc import abstractmethod
from collections.abc import Collection
from typing import Any

from mode import Service

from agents.context import Context
from agents.questions.calling import finish_detached
from agents.ratings.context import RatingsContext
from agents.stage_context import StageContext
from agents.waits import Draining
from app.broker.topic_admin import (
    ensure_topics,
    open_topic_admin,
    refuse_other_partitions,
    tell_differences,
)
from app.config.pipelines import QUESTIONS, RATINGS
from app.errors import AnswerloopError, StoreUnavailable
from app.logs import adopt
from app.opening import OpenPorts, open_ports, open_rating_ports
from app.settings import Settings
from app.topics import topics_of
from app.tracing import NO_TRACING
from app.tracing.opening import open_tracing


class Outside(Service):
    """What one pipeline needs of the outside world, for as long as its app runs."""

    abstract = True
    pipeline: str

    def __init__(self, context: StageContext, settings: Settings, *, opens_ports: bool) -> None:
        super().__init__()
        self._context = context
        self._settings = settings
        self.opens_ports = opens_ports
        self._opened: OpenPorts[Any] | None = None

    @abstractmethod
    async def _open(self) -> OpenPorts[Any]: ...

    async def on_start(self) -> None:
        if self.opens_ports and self._context.app.owns_process:
            adopt(self._settings.log_format, self._settings.log_level)
        try:
            if self.opens_ports:
                self._opened = await self._open()
                self._context.opened = self._opened.ports
            await prepare_topics(self._settings, [self.pipeline])
        except AnswerloopError as error:
            if self.opens_ports:
                self._context.log.error("cannot_start", reason=str(error))
            raise
        context = self._context
        context.tracing = open_tracing(
            self._settings,
            context.metrics,
            context.log,
            now=context.now,
            owner=context.owner,
            given_back=Draining,
        )

    async def on_stop(self) -> None:
        tracing, self._context.tracing = self._context.tracing, NO_TRACING
        await tracing.close()
        await self.close_ports()

    async def close_ports(self) -> None:
        """Close the ports, where it was this service that opened them."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()


class QuestionsOutside(Outside):
    """That of the questions, whose worker keeps its claims alive meanwhile."""

    abstract = False
    pipeline = QUESTIONS
    _context: Context

    async def _open(self) -> OpenPorts[Any]:
        return await open_ports(self._settings)

    async def on_stop(self) -> None:
        if self._context.opened is not None:
            await finish_detached(self._context)
        await super().on_stop()

    @Service.task
    async def _check_gate(self) -> None:
        """Check the gate where nobody else does: in Faust's own worker."""
        if self.opens_ports and self._context.app.owns_process:
            from app.calibration.start import check_at_start

            context = self._context
            await check_at_start(self._settings, context.ports.scorer, context.log)

    @Service.task
    async def _renew_claims(self) -> None:
        context = self._context
        lease = context.limits.lease_seconds
        while not self.should_stop:
            await self.sleep(lease / 3)
            try:
                await context.ports.store.renew(context.owner, lease, context.now())
            except StoreUnavailable:
                context.metrics.count("db_errors")
                context.outages.failed(context.now())
            except Exception:  # noqa: BLE001 (a task that ends would end the worker)
                context.log.error("renew_failed", error=traceback.format_exc())


class RatingsOutside(Outside):
    """That of the ratings."""

    abstract = False
    pipeline = RATINGS
    _context: RatingsContext

    async def _open(self) -> OpenPorts[Any]:
        return await open_rating_ports(self._settings)


async def prepare_topics(settings: Settings, pipelines: Collection[str] = (QUESTIONS,)) -> None:
    """Create the missing topics of these pipelines.

    Questions need their partition counts: another one stops the start. Whatever else differs is
    the operator's choice. Logged is what differs in the topics of the ratings, and where those of
    the questions take other sizes of messages.
    """
    admin = await open_topic_admin(settings)
    try:
        if QUESTIONS in pipelines:
            reports = await ensure_topics(admin, topics_of(settings, [QUESTIONS]))
            refuse_other_partitions(reports)
            tell_differences(reports, of="max.message.bytes")
        if RATINGS in pipelines:
            tell_differences(await ensure_topics(admin, topics_of(settings, [RATINGS])))
    finally:
        await admin.close()
