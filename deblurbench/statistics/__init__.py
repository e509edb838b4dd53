"""Statistics of scores and of votes: arrays in, numbers out; everything random in them is seeded."""
