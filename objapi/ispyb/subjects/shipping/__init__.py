"""Shipments, dewars, containers and lab contacts."""
