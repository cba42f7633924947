"""Events of sessions: collections, scans and robot actions on one time line."""
