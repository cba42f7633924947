"""Subjects of the py-ISPyB API: a folder each, with its routes, answers and schemas."""
