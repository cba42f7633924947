"""Routes of the former ISPyB API."""
