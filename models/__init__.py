"""The Records, one file for each pipeline: annotations are the wire contract (app/wire)."""
