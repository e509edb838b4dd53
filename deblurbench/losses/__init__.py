"""Losses: differentiable distances of two images (B, 3, H, W) in [0, 1], and adversarial losses."""
