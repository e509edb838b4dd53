"""Pictures: the parts of images that a report shows, as grids and on the page."""
