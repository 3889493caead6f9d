"""Training of classifiers of sources."""
