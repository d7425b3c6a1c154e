"""Decisions as pure functions on frozen values: standard library only, time and randomness come in as arguments."""
