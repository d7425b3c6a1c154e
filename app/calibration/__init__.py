"""What a threshold is worth: pairs whose quality is known, their scores, and what follows.

Plain Python: a worker whose scorer is a URL has no numpy.
"""
