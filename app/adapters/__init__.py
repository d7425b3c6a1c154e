"""Adapters: one file for each outside system, and the in-memory twin of each port."""
