"""Tests of the SENAITE face without a server."""
