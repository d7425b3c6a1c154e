"""A real Redis server for tests, in memory only, on a free port."""

from app.chaos.servers.redis import RedisServer, start_redis

__all__ = ["RedisServer", "start_redis"]
