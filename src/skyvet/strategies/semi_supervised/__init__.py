"""Learning from labelled and unlabelled rows together."""
