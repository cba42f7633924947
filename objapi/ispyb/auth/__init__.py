"""Callers: log-in plugins, tokens, and tokens that are good for one call."""
