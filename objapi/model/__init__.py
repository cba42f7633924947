"""Entity types: kinds of fields, types, the registry, id rules, references and the loader of profiles.

Nothing here touches a database or the network.
"""
