"""Restorers, and models: families of restorers that learn. A family defines how a network is trained and how it restores."""
