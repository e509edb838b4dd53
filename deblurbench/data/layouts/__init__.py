"""Layouts: one small module for each arrangement of images on disk, and the search and matching that they all use."""
