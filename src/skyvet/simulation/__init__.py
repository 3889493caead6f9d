"""A survey that makes realistic records with known truth."""
