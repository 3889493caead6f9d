"""Labelling in the browser: a local server, its queue and the page that it shows."""
