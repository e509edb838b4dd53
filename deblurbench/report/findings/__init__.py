"""Findings: what the statistics of a comparison say, as numbers, tables and sentences."""
