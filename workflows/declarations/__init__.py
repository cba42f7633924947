"""Reading declarations: typed access to mappings, and every mistake noted with its place instead of the first alone.

Profiles, catalogs and workflows are read by this one reader, from files (with lines) and from plain mappings alike.
"""

from workflows.declarations.problems import DeclarationProblem, closest, listed, suggestion, without_followers
from workflows.declarations.sections import Node, Section, listed_sections

__all__ = [
    "DeclarationProblem",
    "Node",
    "Section",
    "closest",
    "listed",
    "listed_sections",
    "suggestion",
    "without_followers",
]
