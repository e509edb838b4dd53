"""Blur synthesis: kernels, and the camera, from linear light to the pixels of a file."""
