"""Training: one trainer for all families."""
