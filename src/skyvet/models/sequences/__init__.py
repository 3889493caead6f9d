"""Classifiers of frame sequences: one member a file, one bundle, one predictor."""
