"""The served laboratories of the acceptance tests, for pages to be followed on."""

from tests.acceptance.conftest import serve, shared

__all__ = ["serve", "shared"]
