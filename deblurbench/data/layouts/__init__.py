"""Layouts: one small module for each way that people have images on disk, and what they all use to find pairs there."""
