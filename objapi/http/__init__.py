"""What every face needs of HTTP: where a request came to and from, who sent it, what a route asks of its caller."""
