"""Payloads of the user portal: one proposal with everything that belongs to it, created or updated as a whole.

Everything that the payload may meet in the database is loaded first, with one indexed query for each kind of thing;
the rules are followed in memory, entry by entry, as if each were written at once; then what is new or has changed is
written in bulk. Nothing is ever removed.
"""
