"""Declarations of every site: the root, the catalog of all UIDs, and the permission to call the API."""
