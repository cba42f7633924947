"""Results of automatic processing, screenings and processing jobs."""
