"""The Records: one file for each pipeline. A record's annotations are its wire contract (app/wire)."""
