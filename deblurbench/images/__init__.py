"""Files <-> tensors: the one place that knows EXIF, alpha, 16-bit, grey, palettes and rounding to integers."""
