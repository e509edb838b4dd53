"""Reports: they read stored scores, pictures and histories, and nothing else."""
