"""The SENAITE face: routes below `@@API/senaite/v1`, for scripts of SENAITE LIMS, over the objects of `@@API`.

It translates. Names of types, fields, indexes and states are those of the dialect that a profile declares under the
name `senaite`; criteria, permissions, guards, history and limits are the gateway's.
"""

from typing import Final

DIALECT: Final = "senaite"
"""The name of the dialect that the face speaks."""
VERSION: Final = "1.0.0"
"""The version of the interface, as its clients know it."""
