"""Deblurring without learning: pure functions of images, and the methods that hold their parameters."""
