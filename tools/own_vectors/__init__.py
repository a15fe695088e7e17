"""What `tools/make_vectors.py` writes: one module for each file of vectors, and the small world they share."""
