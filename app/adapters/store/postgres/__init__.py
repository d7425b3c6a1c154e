"""The store in PostgreSQL: statements by what they are about, one pool, numbered migrations."""
