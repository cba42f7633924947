"""Profiles that come with the gateway: declarations in YAML, each with the Python that data cannot say."""
