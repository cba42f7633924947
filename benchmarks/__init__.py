"""Measurements of the sample laboratory and of a facility, grown to a size; they judge nothing."""
