"""Snapshots of a site: everything that is stored, in a file, for a backup or for another database."""
