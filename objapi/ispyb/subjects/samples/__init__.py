"""Samples, subsamples and their images."""
