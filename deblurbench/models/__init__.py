"""Models: families of deblurrers. A family says how a network learns to deblur, and how it restores."""
