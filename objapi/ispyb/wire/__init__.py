"""Requests and responses of the py-ISPyB API: routes, calls, parameters, answers."""
