"""Rounds of few-label learning: fit, score, ask, refit."""
