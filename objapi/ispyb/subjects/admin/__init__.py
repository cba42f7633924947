"""Administration: options, activity, and the door of the user portal."""
