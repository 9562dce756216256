"""What makes evaluating a population fast: buffers that are used again, chunks that fit the cache,
losses of outputs as they come, and populations that are never written out.
"""
