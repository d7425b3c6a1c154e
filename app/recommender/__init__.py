"""Recommendations that learn from the stream: fitted in a batch, folded in live."""
