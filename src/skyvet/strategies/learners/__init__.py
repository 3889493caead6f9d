"""What learns from few labels and a pool of unlabelled candidates: one way a file."""
