"""`version`: what answers here; open to all, so it tells nothing else."""

from objapi import __version__
from objapi.api.call import Call, Json


def version(call: Call) -> Json:
    """Name and version of the gateway."""
    return call.with_warnings({"component": "objapi", "version": __version__})
