"""The py-ISPyB face: the REST API of a synchrotron's ISPyB database, below `/ispyb/api/v1`.

How it is laid out, from the bottom up:

- `tables/` the ISPyB tables; `database` which database they are in and what it lacks; `rows` who sees which rows.
- `faults`, `kinds`, `schema`, `schemas/` what may come in and what goes out, declared as data.
- `routes`, `calls`, `answers` how a route is declared and what its function works with; `reading`, `routing`,
  `dispatch`, `openapi` what is made of the declarations.
- `groups/` the routes themselves, one module a subject; read `groups/proteins.py` before adding another.
- `auth/` plugins and tokens; `sync/` what the user portal sends.

A route function takes a `Call`, builds one statement for a page of rows and one for each kind of thing that hangs on
them, and returns mappings with the keys of the schema that the route declares; `paged` lists return a `Page`.
"""
