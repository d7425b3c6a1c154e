"""Decisions as pure functions on frozen values.

Standard library only; time, randomness and counts come in as arguments.
"""
