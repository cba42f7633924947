"""What every site has, whatever it is for: the root, the catalog of all UIDs, and the right to call the API."""
