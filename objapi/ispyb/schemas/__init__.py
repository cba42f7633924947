"""The objects of bodies and answers, by subject; their names are those of the components in `openapi.json`."""
