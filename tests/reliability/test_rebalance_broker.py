"""The broker itself is killed and comes back while workers run."""

from __future__ import annotations

import asyncio
import random
import uuid
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.reliability.rebalance_worker import PARTITIONS
from tests.reliability.test_rebalance import SOURCES, Flock, Traffic, in_background, until
from tests.servers import require
from tests.servers.kafka import start_kafka


@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_nothing_is_lost_when_the_broker_dies(tmp_path: Path) -> None:
    """Workers may wait or exit (an orchestrator starts them again); no message may be missing."""
    server = require(lambda: start_kafka(tmp_path / "kafka"))
    prefix = f"outage-{uuid.uuid4().hex[:8]}"
    options = {
        "bootstrap": server.bootstrap,
        "prefix": prefix,
        "driver": "strict",
        "commit_interval": 0.1,
    }
    flock, traffic, dice = (
        Flock(options, tmp_path),
        Traffic(prefix, server.bootstrap),
        random.Random(5),
    )
    try:
        admin = AIOKafkaAdminClient(bootstrap_servers=server.bootstrap)
        await admin.start()
        await admin.create_topics(
            [NewTopic(f"{prefix}-{stem}", PARTITIONS, 1) for stem in (*SOURCES, "results")]
        )
        await admin.close()
        collector = asyncio.ensure_future(traffic.collect())
        async with in_background(collector):
            for _ in range(2):
                await flock.join()
            feeder = asyncio.ensure_future(traffic.feed())
            assert await until(lambda: len(traffic.seen) > 100)
            traffic.feeding = False
            await feeder
            server.kill()
            await asyncio.sleep(dice.uniform(1, 6))
            await asyncio.to_thread(server.start)
            for process in list(flock.alive):
                if process.returncode is not None:
                    flock.alive.remove(process)
                    await flock.join()
            lost_nothing = await until(lambda: not traffic.missing)
            missing = f"{len(traffic.missing)} of {traffic.fed}: {sorted(traffic.missing)[:20]}"
            assert not collector.done(), f"the test's own collector has ended: {collector}"
            assert lost_nothing, f"missing {missing}\n{await flock.testimony()}"
    finally:
        await flock.kill_all()
        server.stop()
