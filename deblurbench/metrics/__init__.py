"""Metrics: pairs of images (B, C, H, W) in [0, 1] in, one number an image (B,) out, float64; nothing is averaged here."""
