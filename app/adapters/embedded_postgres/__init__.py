"""A PostgreSQL server of our own: its files, its process, its start and end."""
