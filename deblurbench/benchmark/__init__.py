"""The benchmark: the matrix of data sets, models and seeds; run, skip what is done, score, collect."""
