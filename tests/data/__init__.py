"""Facts that tests compare the project with: published routes, tokens, types of the classic laboratory, definitions."""

from pathlib import Path

DATA = Path(__file__).parent
