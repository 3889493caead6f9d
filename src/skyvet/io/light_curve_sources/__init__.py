"""Readers of light curves, one form a file; the door is `opening.open_light_curves`."""
