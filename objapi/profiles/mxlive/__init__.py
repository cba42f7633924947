"""Beamlines of macromolecular crystallography: projects, shipments, samples, sessions, datasets, as MxLIVE has them.

The YAML files declare types, catalogs, workflows and roles; the modules hold the behaviours these name, by subject, and
`behaviors` collects them. Every name begins with Mx or mx_, so that a site may have a laboratory beside its beamlines.
"""
