"""Networks, the saved bundle, the in-memory predictor."""
