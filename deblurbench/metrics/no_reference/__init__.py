"""Metrics of one image alone: (B, C, H, W) in [0, 1] in, one number an image (B,) out, float64."""
