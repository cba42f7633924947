"""Webhooks: the feed of changes, sent to receivers on other hosts as it grows.

A hook has an owner, whose rights decide what it sends, and a place in the feed. One process at a time delivers, under a
lease; what it has not delivered is still in the feed, for whoever holds the lease next.
"""
