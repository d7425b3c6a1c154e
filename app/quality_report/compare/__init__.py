"""Two runs of the same questions: what got better, what got worse, and whether it is chance."""
