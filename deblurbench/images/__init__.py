"""Files <-> tensors: the only room that handles EXIF, alpha, 16 bits, grey, palettes and rounding to integers."""
