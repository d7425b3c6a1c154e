"""Scoring by itself: as a service for other programs, and of whole files."""
