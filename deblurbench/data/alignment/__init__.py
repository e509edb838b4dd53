"""Alignment: how far the two sides of a pair lie apart, and registering them."""
