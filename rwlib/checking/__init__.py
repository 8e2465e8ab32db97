"""What is done with a fit before it is believed: predictions, calibration, recovery, comparison."""
