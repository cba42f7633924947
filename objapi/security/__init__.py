"""Users, roles, groups and local roles, log-in, sessions, and what protects them.

Nothing here knows Flask: faces hand in header and cookie values and get values or errors back.
"""
