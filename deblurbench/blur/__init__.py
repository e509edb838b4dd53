"""Blur synthesis: kernels, and the camera that light passes through on its way to a file."""
