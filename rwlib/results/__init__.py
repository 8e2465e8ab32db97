"""What leaves a fit: contrasts, regressors, a report, a file."""
