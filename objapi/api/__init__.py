"""The `@@API` face: request forms in, JSON envelopes out, one module a method."""
