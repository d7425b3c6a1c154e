"""Dead letters: what one asks of them, how they read, and how they come back."""
