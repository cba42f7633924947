"""Permissions as stored: access control lists, rights of one user, scopes of local roles, hidden fields."""
