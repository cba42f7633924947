"""Tables and contents of a site: made, brought in step with the declarations, reindexed."""
