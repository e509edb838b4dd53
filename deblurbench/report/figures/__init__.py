"""Figures as SVG that stands in a page: its text and axes take the colours of the page, light or dark."""
