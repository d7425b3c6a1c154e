"""A request on a connection that was lost a moment ago: broken on uvloop, too, not a defect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from app.broker import kafka_security
from app.broker.writes import as_broken, let_closed_be_broken
from app.settings import load_settings


async def lost_connection() -> AIOKafkaConnection:
    """Return one whose transport is closed, and who has not heard of it yet."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        connection = AIOKafkaConnection(host, port)
        connection._versions = {MetadataRequest.API_KEY: (0, 1)}
        connection._reader, connection._writer = await asyncio.open_connection(host, port)
        connection._read_task = asyncio.ensure_future(asyncio.sleep(60))
        connection._writer.transport.abort()
        await asyncio.sleep(0.01)
    return connection


def request(connection: AIOKafkaConnection) -> object:
    return connection.send(MetadataRequest([]))


def token(connection: AIOKafkaConnection) -> object:
    return connection._send_sasl_token(b"secret")


@pytest.mark.parametrize("write", [request, token])
def test_a_write_on_a_closed_transport_is_a_broken_connection(
    write: Callable[[AIOKafkaConnection], object],
) -> None:
    async def writing() -> None:
        connection = await lost_connection()
        with pytest.raises(KafkaConnectionError, match="was closed"):
            write(connection)
        assert not connection.connected()  # the client makes another one

    let_closed_be_broken()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(writing())


def test_it_is_changed_once() -> None:
    let_closed_be_broken()
    changed = AIOKafkaConnection.send
    let_closed_be_broken()
    assert AIOKafkaConnection.send is changed
    assert not hasattr(changed.__wrapped__, "__wrapped__")


def test_other_errors_pass() -> None:
    def send(_: object) -> None:
        raise LookupError("not of the connection")

    with pytest.raises(LookupError):
        as_broken(send)(object())


def test_every_client_of_a_broker_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes one asks for its security arguments; the worker's transport aside."""
    monkeypatch.setattr(AIOKafkaConnection, "send", AIOKafkaConnection.send.__wrapped__)
    kafka_security(load_settings())
    assert hasattr(AIOKafkaConnection.send, "__wrapped__")
