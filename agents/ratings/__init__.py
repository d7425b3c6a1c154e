"""The ratings pipeline: strict events, exact statistics, recommendations that learn."""
