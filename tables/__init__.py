"""Faust tables: declarations with small read and write helpers. Keyed by question id, in memory,
recovered from their changelogs. A table is written only inside the agent that owns it."""
