"""objapi: one gateway through which laboratories talk JSON to everything they keep."""

__version__ = "0.1.0"
