"""Training of classifiers of frame sequences."""
