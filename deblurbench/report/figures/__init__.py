"""Figures as SVG for a page; text and axes take the colours of the page, light or dark."""
