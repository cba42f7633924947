"""Proposals, their sessions and proteins."""
