"""The tables of users, sessions and failed log-ins, beside the store's own.

Instants are microseconds since 1970 UTC, as in the store. No credential is stored in clear: passwords are
argon2 hashes, session keys, recovery codes and the names somebody tried to log in with are digests, and secrets of
authenticator apps are encrypted.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, long_text, text_key
from objapi.store.schema import metadata

USER_ID_LENGTH = 64
ADDRESS_LENGTH = 45
"""Characters of the longest IPv6 address or network as text."""

users = Table(
    "users",
    metadata,
    Column("id", text_key(USER_ID_LENGTH), primary_key=True),
    Column("password_hash", long_text(), nullable=False),
    Column("password_version", Integer, nullable=False),
    Column("fullname", long_text(), nullable=False),
    Column("email", long_text(), nullable=False),
    Column("active", Integer, nullable=False),
    Column("roles", long_text(), nullable=False),
    Column("groups", long_text(), nullable=False),
    Column("created", big_integer(), nullable=False),
    Column("modified", big_integer(), nullable=False),
    **TABLE_OPTIONS,
)
"""Users. `roles` and `groups` are JSON lists; `active` is 0 or 1; `password_version` rises with every new password, so
that whoever remembers an old one notices."""

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", text_key(USER_ID_LENGTH), ForeignKey("users.id", name="fk_memberships_user"), primary_key=True),
    Column("principal", text_key(128), primary_key=True),
    **TABLE_OPTIONS,
)
"""Names under which a user is granted local roles: the own id, and one for each group."""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", ascii_key(64), primary_key=True),
    Column("user_id", text_key(USER_ID_LENGTH), ForeignKey("users.id", name="fk_sessions_user"), nullable=False),
    Column("password_version", Integer, nullable=False),
    Column("created", big_integer(), nullable=False),
    Column("expires", big_integer(), nullable=False),
    Column("proved", big_integer(), nullable=True),
    Index("ix_sessions_user", "user_id"),
    Index("ix_sessions_expires", "expires"),
    **TABLE_OPTIONS,
)
"""Log-ins by cookie; `digest` is that of the key in the cookie. `proved` is the instant at which the user logged in
anew at the log-in provider, in order to sign; empty once something is signed."""

password_links = Table(
    "password_links",
    metadata,
    Column("digest", ascii_key(64), primary_key=True),
    Column("user_id", text_key(USER_ID_LENGTH), ForeignKey("users.id", name="fk_password_links_user"), nullable=False),
    Column("password_version", Integer, nullable=False),
    Column("issuer", text_key(128), nullable=False),
    Column("created", big_integer(), nullable=False),
    Column("expires", big_integer(), nullable=False),
    Index("ix_password_links_user", "user_id"),
    **TABLE_OPTIONS,
)
"""Links by which users set a password once; `digest` is that of the key in the link, `issuer` who made it. A link is
void once its user has another `password_version`."""

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("digest", ascii_key(64), primary_key=True),
    Column("prefix", ascii_key(16), nullable=False, unique=True),
    Column("user_id", text_key(USER_ID_LENGTH), ForeignKey("users.id", name="fk_api_tokens_user"), nullable=False),
    Column("name", long_text(), nullable=False),
    Column("scope", long_text(), nullable=False),
    Column("created", big_integer(), nullable=False),
    Column("expires", big_integer(), nullable=True),
    Column("last_used", big_integer(), nullable=True),
    Index("ix_api_tokens_user", "user_id"),
    **TABLE_OPTIONS,
)
"""API tokens; `digest` is that of the whole token, `prefix` the part of it that may be shown, `scope` a JSON object. A
token without `expires` does not expire. A revoked one is deleted. `last_used` is right to the minute."""

second_factors = Table(
    "second_factors",
    metadata,
    Column(
        "user_id", text_key(USER_ID_LENGTH), ForeignKey("users.id", name="fk_second_factors_user"), primary_key=True
    ),
    Column("secret", long_text(), nullable=False),
    Column("confirmed", Integer, nullable=False),
    Column("last_step", big_integer(), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("created", big_integer(), nullable=False),
    **TABLE_OPTIONS,
)
"""Authenticator apps of users. `secret` is encrypted; `confirmed` is 0 until a first code has shown that the app has
it, and the app counts from then on. `last_step` is the step of time whose code was used last, `failures` the wrong
codes since a right one."""

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("digest", ascii_key(64), primary_key=True),
    Column("user_id", text_key(USER_ID_LENGTH), ForeignKey("users.id", name="fk_recovery_codes_user"), nullable=False),
    Index("ix_recovery_codes_user", "user_id"),
    **TABLE_OPTIONS,
)
"""Recovery codes that are left: digests over the user and the code. A used one is deleted."""

sign_on_links = Table(
    "sign_on_links",
    metadata,
    Column("digest", ascii_key(64), primary_key=True),
    Column("issuer", long_text(), nullable=False),
    Column("subject", long_text(), nullable=False),
    Column("user_id", text_key(USER_ID_LENGTH), ForeignKey("users.id", name="fk_sign_on_links_user"), nullable=False),
    Column("created", big_integer(), nullable=False),
    Index("ix_sign_on_links_user", "user_id"),
    **TABLE_OPTIONS,
)
"""Accounts of log-in providers that are linked to users; `digest` is that of issuer and subject, which together may be
longer than a key."""

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("login", ascii_key(64), primary_key=True),
    Column("address", ascii_key(ADDRESS_LENGTH), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", big_integer(), nullable=False),
    Column("succeeded_at", big_integer(), nullable=False),
    Column("touched", big_integer(), nullable=False),
    Index("ix_login_attempts_address", "address", "failed_at"),
    Index("ix_login_attempts_touched", "touched"),
    **TABLE_OPTIONS,
)
"""Failed log-ins of a name (its digest) from an address, counted since the last that succeeded. An instant of 0 means
never; `touched` is the later of the two, after which a row is swept away."""

failed_log_ins = Table(
    "failed_log_ins",
    metadata,
    Column("minute", big_integer(), primary_key=True, autoincrement=False),
    Column("kind", ascii_key(16), primary_key=True),
    Column("account", text_key(USER_ID_LENGTH), primary_key=True),
    Column("address", ascii_key(ADDRESS_LENGTH), primary_key=True),
    Column("failures", Integer, nullable=False),
    **TABLE_OPTIONS,
)
"""Log-ins that failed, counted by minutes since 1970 until they enter the trail, see `failed_log_ins`. `account` is the
id of a user, empty for a name that nobody has."""

site_secrets = Table(
    "site_secrets",
    metadata,
    Column("name", ascii_key(64), primary_key=True),
    Column("secret", ascii_key(128), nullable=False),
    Column("created", big_integer(), nullable=False),
    **TABLE_OPTIONS,
)
"""Random keys of the site, in hexadecimal, made when it is set up."""
