"""Filling a site from a live Bika or SENAITE laboratory, through the interface that its scripts use."""
