"""The trail: requests numbered and linked after their commits, verified, exported and searched, and failed log-ins."""
