"""Artefacts of detectors, optics and image subtraction, one file a class; each prepares a scene."""
