"""Foundations that know nothing of astronomy: errors, arrays, files, progress."""
