"""The py-ISPyB face: the REST API of a synchrotron's ISPyB database, below `/ispyb/api/v1`.

From the bottom up; a folder imports only those above it in this list:

- `values/` types, schemas and errors of what comes in and goes out; pure.
- `options/` the options of the installation; `database` which database holds the tables, and what it lacks.
- `auth/` callers, what they see, tokens and log-in plugins.
- `wire/` how a route is declared, what its function works with (`Call`, `Services`), and how a request is read and
  answered.
- `files/` pictures, detector images and HDF5 files below the data roots.
- `subjects/` the routes, a folder each; read `subjects/proposals/proteins.py` before adding another.
- `sync/` what the user portal sends.
- `face` the list of all routes; `dispatch` one request from its path to its response; `attach` adds the face to the
  application; `demo/` sample accounts and files.

A route function takes a `Call`, builds one statement for a page of rows and one for each kind of thing that hangs on
them, and returns mappings with the keys of the schema that the route declares; `paged` lists return a `Page`.
"""

from typing import Final

API_ROOT: Final = "/ispyb/api/v1"
"""Path that the routes begin with, and links in answers, too."""
