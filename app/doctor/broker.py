"""Checks of the broker itself: reachable, which it is, and that its own addresses are."""

from __future__ import annotations

from app.broker import kafka_hosts, kafka_security, log_folder
from app.broker.reasons import why_unreachable
from app.doctor.check import Site
from app.doctor.kafka import kafka_client, read_cluster, unreachable
from app.doctor.outcome import (
    Outcome,
    advice,
    ok,
    problem,
    setting,
    skipped,
    warning,
)
from app.errors import BrokerUnavailable
from app.settings import PREFIX
from app.transports.embedded.layout import FILE_NAME

#: Before this release brokers do not speak all that the client asks for.
_OLDEST = (2, 3)


async def broker(site: Site) -> Outcome:
    settings = site.settings
    if settings.broker.startswith("memory:"):
        return ok(f"{settings.broker}: in the process, gone with it")
    if settings.embedded:
        there = (log_folder(settings) / FILE_NAME).exists()
        made = "" if there else ", not made yet: the first start makes it"
        return ok(f"the embedded log in {log_folder(settings)}{made}")
    try:
        async with kafka_client(settings) as client:
            cluster = await read_cluster(client)
    except BrokerUnavailable:
        reason = await why_unreachable(kafka_hosts(settings), kafka_security(settings))
        hosts = ",".join(kafka_hosts(settings))
        if reason.answered:
            return problem(f"Kafka at {hosts} can't be used: {reason.seen}", advice(reason.mend))
        return problem(
            f"no Kafka answers at {hosts}: {reason.seen}",
            advice(f"start Kafka at {hosts}, or see why it can't be reached (firewall, DNS)"),
            setting(f"{PREFIX}BROKER=kafka://HOST:9092"),
        )
    brokers = len(cluster.brokers)
    seen = (
        f"Kafka {cluster.release} or later, cluster {cluster.cluster_id},"
        f" {brokers} broker{'s' if brokers > 1 else ''}"
    )
    if tuple(map(int, cluster.release.split("."))) < _OLDEST:
        return warning(seen, advice("use Kafka 2.3 or later: older ones are not tried"))
    return ok(seen)


async def broker_addresses(site: Site) -> Outcome:
    """Look whether each broker can be reached where it tells clients to come to."""
    if site.settings.embedded:
        return skipped("the broker is no Kafka")
    async with kafka_client(site.settings) as client:
        cluster = await read_cluster(client)
    away = await unreachable(cluster.brokers)
    if away:
        names = ", ".join(f"{each.node} at {each.host}:{each.port}" for each in away)
        return problem(
            f"Kafka sends clients to addresses that can't be reached from here: broker {names}",
            advice(
                "on that broker set advertised.listeners to an address that workers reach, and see"
                " whether the broker runs"
            ),
        )
    return ok(", ".join(f"{each.host}:{each.port}" for each in cluster.brokers))
