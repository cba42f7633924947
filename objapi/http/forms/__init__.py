"""Forms of requests: pairs of names and values, multipart bodies, and what Zope's suffixes make of them."""
