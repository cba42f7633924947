"""The web face for people with a browser: front page, log-in and log-out, change of one's password."""
