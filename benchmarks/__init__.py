"""Benchmarks, run as ``python -m benchmarks.NAME --data DIR``; each ends with a line of JSON."""
