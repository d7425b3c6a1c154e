"""What a run came to, for people: one standalone page, and CSV, JSONL, JUnit beside it."""
