"""What a person meets in a browser: the front page, log-in and log-out, the change of one's password."""
