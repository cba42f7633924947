"""A world in memory, with which workflows are tried out, documented and tested without a store."""

from workflows.testing.objects import PlainSubject, PlainUser
from workflows.testing.world import PlainWorld

__all__ = ["PlainSubject", "PlainUser", "PlainWorld"]
