"""All behaviours that the declarations of the beamlines name."""

from typing import Final

from objapi.profiles.mxlive import checks, containers, datasets, sessions

behaviors: Final = checks.behaviors.merged(containers.behaviors).merged(datasets.behaviors).merged(sessions.behaviors)
