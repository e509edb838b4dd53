"""Findings: what results say, as statistics, tables and sentences."""
