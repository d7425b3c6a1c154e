"""Stores: PostgreSQL, and a twin in memory."""
