"""The modules here that need the libraries of the extra `data`, loaded when they are first needed."""

from importlib import import_module
from types import ModuleType
from typing import Final, Literal

from objapi.ispyb.values.errors import Refusal

LIBRARIES: Final = frozenset({"numpy", "h5py", "h5grove", "fabio", "PIL", "cmap"})
NOT_INSTALLED: Final = "This server cannot read such data: the extra `data` of objapi is not installed."


def data_module(name: Literal["frames", "hdf5", "maps"]) -> ModuleType:
    """One of the modules. Raises Refusal (501) when its libraries are not installed."""
    try:
        return import_module(f"objapi.ispyb.files.{name}")
    except ImportError as error:
        if (error.name or "").partition(".")[0] in LIBRARIES:
            raise Refusal(501, NOT_INSTALLED) from error
        raise
