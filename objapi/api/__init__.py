"""The `@@API` face: request forms in, JSON envelopes out, methods in one table."""
