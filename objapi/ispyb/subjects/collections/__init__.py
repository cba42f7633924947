"""Data collections with their images, files and maps."""
