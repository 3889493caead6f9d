"""Encoders of frames: networks, the saved encoder, the embedder."""
