"""Pure arithmetic on score and label arrays: metrics, intervals, calibration, thresholds."""
