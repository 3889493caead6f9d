"""Columns of all-sky catalogues by position."""
