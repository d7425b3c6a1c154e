"""Faults on purpose: starts everything itself, breaks parts of it, and audits what came of it."""
