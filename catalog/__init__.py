"""Catalogs: index kinds, query grammar, queries as SQL, and index tables kept in step."""
