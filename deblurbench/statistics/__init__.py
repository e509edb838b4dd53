"""Statistics of scores and votes: arrays in, numbers out; resampling is seeded."""
