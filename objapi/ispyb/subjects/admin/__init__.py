"""Administration: options, activity and the description of the routes."""
