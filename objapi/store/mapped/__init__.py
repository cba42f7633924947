"""Objects that are rows of tables which are there already, and which other programs write as well.

`names` turns a row's key into the names of an object and back; `layouts` learns what a table looks like; `tables` says
which columns serve as which indexes; `columns` converts values; `rows` loads rows as records of a workspace; `sight`
says whose rows are whose; `schema` holds what is kept beside a row; `writing` writes them.
"""
