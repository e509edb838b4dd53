"""Pictures: which parts of which images a report shows, as grids and on the page."""
