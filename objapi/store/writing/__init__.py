"""Writing objects: check, plan, compute the write set, apply it."""
