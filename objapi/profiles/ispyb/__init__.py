"""The ISPyB profile: the tables of a synchrotron facility, read and written as objects.

The types are in `types/`, the permissions in `roles.yaml`; `behaviors` holds what declarations cannot say.
"""
