"""Readers of light curves, one form a file."""
