"""Log-in, persons, groups of users and their permissions."""
