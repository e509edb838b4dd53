"""Metrics of pairs of images: (B, C, H, W) twice, in [0, 1] -> (B,) float64, one score per image, never averaged."""
