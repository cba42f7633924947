"""HTTP for every face: a request's URL, its sender, the access that a route requires, failures and headers."""
