"""Layouts: one small module for each way that people have images on disk; each makes a table of pairs."""
