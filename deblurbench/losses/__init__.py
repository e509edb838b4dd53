"""Losses: two images (B, 3, H, W) in [0, 1] in, one number out, differentiable and lower for more alike images."""
