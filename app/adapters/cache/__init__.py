"""Answer caches: Redis, and a twin in memory."""
