"""Stored objects: tables, the `Transaction`, and the rooms of its stages.

`transaction` has the few operations that every face uses; `requests` their parameters and results. A write is checked,
planned, turned into a write set and applied (`writing/`); a read is turned into a query and documents (`reading/`);
`permissions/` says who may do what; `mapped/` serves types that are rows of existing tables; `upgrade/` makes tables
and contents, and keeps them in step with the declarations.

Words used here:

* *rid*: row number of an object, given by the gateway and rising with time; negative for a row of a mapped table.
* *acl*: access control list, the distinct answer to who holds which permission; stored once, referred to by number.
* *scope*: the nearest object, itself or a container, on which local roles are granted.
* *overrides*: permissions written onto one object, by its type, its workflow states or a behaviour (the column
  `settings`).
* *catalog*: tables of index values by which objects are found; *side tables* hold its keyword and text indexes, and
  `sides` the digests of what they hold of an object.
* *stamp*: number that changes whenever the row of an object is written; *version* rises only when the object itself
  changes.
* *mapped type*, *row*: a type stored in an existing table, and one of its rows as an object; *foreign*: in a database
  with a transaction of its own.
* *row rule*: declaration of who sees which rows of mapped types; *viewer*: the user as such a rule knows them.
* *workspace*: the objects that one request has loaded, each once.
* *draft*: one object of a workspace, as it was and as it will be.
* *plan*: changes of a request in order, before anything is written; *events* are what planning adds to it.
* *write set*: drafts to be written: created, changed, derived (their answer, path or acl follows from another) and
  removed.
* *outbox*: state and history of foreign rows, stored as pending until their database has committed.
"""
