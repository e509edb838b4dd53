"""Data: layouts of folders on disk -> a table of pairs -> decoded pixels -> shuffled batches."""
