"""What the tests of the laboratory share: the registry, and the facts it is measured by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from objapi.model.loading import load_registry
from objapi.model.registry import Registry

FACTS = Path(__file__).resolve().parents[4].parent / "shared" / "spec" / "lims"


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry(["lims"])


@pytest.fixture(scope="session")
def facts() -> Any:
    """Reads one file of facts; skips, and says so, where they are not kept beside the project."""

    def read(name: str) -> Mapping[str, Any]:
        if not FACTS.is_dir():
            pytest.skip(
                f"THE FACTS ABOUT THE LABORATORY ARE NOT AT {FACTS}: the declarations are not compared with them"
            )
        loaded: Mapping[str, Any] = yaml.safe_load((FACTS / name).read_text(encoding="utf-8"))
        return loaded

    return read


def in_profile(item: Mapping[str, Any]) -> bool:
    """Whether a fact holds for the version that the profile follows."""
    return not str(item.get("since", "")).startswith("senaite") and item.get("profile") != "health"
