"""Splits, losses, the training loop, cross-validation and tuning."""
