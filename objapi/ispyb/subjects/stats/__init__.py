"""Statistics of sessions and beamlines."""
