"""Measurements of the sample laboratory, grown to a size; they judge nothing."""
