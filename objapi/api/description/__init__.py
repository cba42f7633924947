"""`openapi.json`: the description of the methods and types of a site, made from their declarations."""
