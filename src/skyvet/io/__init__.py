"""Bytes to records and back: the only layer that knows file formats."""
