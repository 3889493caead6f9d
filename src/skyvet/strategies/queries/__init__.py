"""Which candidates to label next: one strategy a file, all in `registry`."""
