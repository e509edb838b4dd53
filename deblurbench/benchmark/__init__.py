"""The benchmark: the plan of an experiment's cells, running one of them, and handing them out."""
