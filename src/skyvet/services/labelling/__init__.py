"""The labelling page and what serves it."""
