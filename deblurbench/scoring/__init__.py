"""Scoring: test images to scores and costs, and folders of images that any program has written."""
