"""Experiment files: composed of building blocks, resolved, checked."""
