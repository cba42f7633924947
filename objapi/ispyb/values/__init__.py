"""Values of the py-ISPyB API: kinds, schemas and errors, without input or output."""
