"""Scorers: BERTScore in this process, another answerloop, a twin in memory."""
