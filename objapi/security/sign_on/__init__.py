"""Log-in by an OpenID Connect provider: authorization code flow with PKCE, accounts linked by issuer and subject."""
