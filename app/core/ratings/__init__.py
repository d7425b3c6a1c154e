"""Ratings: what is valid, what it adds up to, and what of it is stored. Pure."""
