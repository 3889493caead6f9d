"""Classifiers of sources from their features."""
