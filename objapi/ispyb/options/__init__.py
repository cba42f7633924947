"""Options of the installation, read from the database."""
