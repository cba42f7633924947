"""Types mapped onto existing tables, which other programs also write.

`names` turns a row's key into the names of an object and back; `layouts` reads the layout of a table; `tables` says
which columns serve as which indexes; `columns` converts values; `rows` loads rows as stored entities;
`row_visibility` has the row rules as SQL; `schema` and `outbox` store the gateway's own state of rows.
"""
