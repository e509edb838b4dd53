"""No-reference metrics: (B, C, H, W) in [0, 1] -> (B,) float64, one score per image."""
