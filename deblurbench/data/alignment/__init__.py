"""Alignment of the two sides of a pair: its estimation, and registration."""
