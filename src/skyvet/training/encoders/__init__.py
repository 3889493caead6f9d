"""Training of frame encoders: sources of frames, objectives, the loop, export."""
