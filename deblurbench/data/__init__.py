"""Data: the layouts that people have on disk -> a table of pairs -> decoded pixels -> shuffled batches."""
