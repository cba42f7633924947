"""Every setting of the gateway: its name, environment variable, kind, default and meaning, each written once."""

from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from objapi.settings.parsing import (
    BEFORE_A_NAME,
    BOOLEAN,
    DATABASE_URL,
    DIRECTORY,
    FILE,
    GROUP_GRANT,
    HOST_AND_PORT,
    ISSUER,
    NETWORK,
    ORIGIN,
    PUBLIC_URL,
    SECRET,
    TIMEZONE,
    Network,
    SettingKind,
    assigned,
    automatic,
    choice,
    duration,
    list_of,
    size,
    text,
    whole_number,
)

PREFIX = "OBJAPI_"
SQLITE_FILE = "objapi.sqlite"
DEFAULT_PROFILES = ("lims",)
"""Profiles of a new site for which none are named."""

MOST_WAITING = 450
"""Callers that may wait in a worker or have a stream of it, in all; it has 512 connections."""

ErrorStatus = Literal["auto", "http", "historic"]
AmbiguousReference = Literal["error", "first"]
References = Literal["uid", "title"]
Switch = Literal["auto", "on", "off"]
Driver = Literal["auto", "pymysql", "mysqlclient"]
LogFormat = Literal["text", "json"]
LogIn = Literal["password", "sign-on", "both"]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` in Python, `env` in the environment, `default` as the text one would write there."""

    name: str
    env: str
    kind: SettingKind
    default: str
    meaning: str


def _setting(kind: SettingKind, default: str, meaning: str) -> Any:
    """A field of `Settings`; its default is read from text as a given value is, so that both mean the same."""
    return field(default=kind.parse(default), metadata={"kind": kind, "default": default, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force. Times are seconds, sizes bytes; None means what `auto` means for that setting."""

    # Where it runs
    host: str = _setting(
        text(r"[A-Za-z0-9.:_-]+", "a host name or an IP address"), "127.0.0.1", "Address to listen on."
    )
    port: int = _setting(whole_number(1, 65535), "8080", "Port to listen on.")
    public_url: str | None = _setting(
        automatic(PUBLIC_URL, "taken from each request"),
        "auto",
        "The URL under which clients reach the server's root; the answer's own links begin with it.",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        list_of(NETWORK), "", "Proxies whose X-Forwarded-For, -Proto and -Host are believed."
    )
    allowed_origins: tuple[str, ...] = _setting(
        list_of(ORIGIN), "", "Origins of web pages on other hosts that may call the API from a browser."
    )
    cookie_secure: Switch = _setting(
        choice("auto", "on", "off"), "auto", "Whether the session cookie is Secure; auto: when reached by https."
    )
    workers: int | None = _setting(automatic(whole_number(1, 256), "one a core"), "auto", "Worker processes.")
    threads: int | None = _setting(
        automatic(whole_number(1, 64), "1 on SQLite, 4 on MariaDB/MySQL"),
        "auto",
        "Requests that write at once in a worker process; its connection pool has one more, for readers.",
    )
    stop_timeout: float = _setting(
        duration(1, 600), "3s", "Time that running requests have to finish when the server stops."
    )
    metrics_hosts: tuple[Network, ...] = _setting(
        list_of(NETWORK), "", "Hosts beside this machine that may read the numbers at /metrics."
    )
    telemetry_url: str | None = _setting(
        automatic(PUBLIC_URL, "none are sent"),
        "auto",
        "Where a span of each request is sent, by OTLP over HTTP; it takes the extra telemetry.",
    )
    log_level: LogLevel = _setting(
        choice("debug", "info", "warning", "error", "critical"), "info", "Least severity that is logged."
    )
    log_format: LogFormat = _setting(
        choice("text", "json"), "text", "Lines of the log: text for people, or one JSON object a line for programs."
    )
    server_timing: bool = _setting(
        BOOLEAN, "no", "Whether answers tell holders of the role Manager, in Server-Timing, what they took."
    )

    # What it serves
    data_dir: Path = _setting(DIRECTORY, "var", "Directory of everything that is written to disk.")
    database_url: str | None = _setting(
        automatic(DATABASE_URL, f"the SQLite file {SQLITE_FILE} in the data directory"), "auto", "The database."
    )
    databases: tuple[tuple[str, str], ...] = _setting(
        list_of(assigned(DATABASE_URL), BEFORE_A_NAME),
        "",
        "Other databases whose tables a profile's types are stored in, by the name that the types use.",
    )
    profiles: tuple[str, ...] | None = _setting(
        automatic(
            list_of(text(r"[^\0]+", "the name of an installed profile or a directory")),
            f"those that the site was made with; {','.join(DEFAULT_PROFILES)} for a new one",
        ),
        "auto",
        "Profiles to load, a later one extending or overriding an earlier one.",
    )
    site_id: str = _setting(
        text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "letters, digits, dot, underscore and hyphen, at most 64"),
        "Plone",
        "The site's id: the first segment of every path.",
    )
    site_title: str = _setting(text(r"[^\0\r\n]{1,200}", "one line of text"), "Laboratory", "The site's title.")
    timezone: ZoneInfo = _setting(TIMEZONE, "UTC", "Zone of dates given without one, and of dates in answers.")

    # The py-ISPyB face
    ispyb_url: str | None = _setting(
        automatic(DATABASE_URL, "the gateway's own database"),
        "auto",
        "An existing ISPyB database to serve; nothing is created or altered there.",
    )
    ispyb_auth: Path | None = _setting(
        automatic(FILE, "the gateway's own users alone"),
        "auto",
        "YAML file that names the log-in plugins of the py-ISPyB face, as AUTH_CONFIG did.",
    )
    ispyb_dummy_login: bool = _setting(
        BOOLEAN, "no", "Whether the plugin `dummy` is there, which believes every login: for trials alone."
    )
    ispyb_same_logins: bool | None = _setting(
        automatic(BOOLEAN, "yes where the gateway's own users are the only log-in"),
        "auto",
        "Whether a user of the gateway is the ISPyB person of the same login, with that person's rows in `@@API`.",
    )
    ispyb_token_key: str | None = _setting(
        automatic(SECRET, "a key derived from the site's secret"), "auto", "Key that tokens are signed with."
    )
    ispyb_token_lifetime: float = _setting(duration(60), "5h", "Time for which a token of a log-in is valid.")
    ispyb_cors: bool = _setting(
        BOOLEAN, "no", "Whether web pages of any origin may call the py-ISPyB face, whose tokens are no cookies."
    )
    ispyb_data_roots: tuple[Path, ...] = _setting(
        list_of(DIRECTORY), "", "Directories that files named in the ISPyB database are read from; none are without."
    )
    ispyb_path_map: str = _setting(
        text(r"[^\0]*", "a path"), "", "Put before every path that the ISPyB database names."
    )
    ispyb_disk_timeout: float = _setting(
        duration(0.1, 60), "2s", "Time to wait for a disk that may hang, when it is asked whether a file is there."
    )

    # How it answers
    error_status: ErrorStatus = _setting(
        choice("auto", "http", "historic"),
        "auto",
        "HTTP status of a failed call: the real one (http), 200 (historic), or by the style of the call (auto).",
    )
    ambiguous_reference: AmbiguousReference = _setting(
        choice("error", "first"), "error", "What a reference does that finds several objects where one is wanted."
    )
    references: References = _setting(
        choice("uid", "title"), "uid", "What a reference field holds in answers: the target's UID or its title."
    )
    transitions_in_read: bool = _setting(
        BOOLEAN, "no", "Whether every object read carries its allowed transitions, asked for or not."
    )

    idempotency_hours: int = _setting(
        whole_number(1, 24 * 365),
        "24",
        "Hours for which the answer of a request with an Idempotency-Key is stored, to be given again.",
    )

    # The trail
    audit_key_file: Path | None = _setting(
        automatic(FILE, "audit.key in the data directory"),
        "auto",
        "File with the private key (Ed25519, PEM) that signs the head of the trail; made when it is first needed.",
    )

    # Webhooks
    webhook_hosts: tuple[str, ...] = _setting(
        list_of(HOST_AND_PORT),
        "",
        "Hosts that webhooks may be sent to, with a port unless it is the usual one; none are without.",
    )
    webhook_timeout: float = _setting(duration(0.1, 60), "10s", "Time that the receiver of a webhook has to answer.")

    # Limits
    max_body_size: int = _setting(size(1024), "16M", "Bytes in the body of a request.")
    max_unfinished_bodies: int = _setting(
        whole_number(1, 200),
        "32",
        "Bodies that one address may be sending to a worker at once; a further one is refused (503) unless it is there "
        "within a second.",
    )
    max_unfinished_in_all: int = _setting(
        whole_number(1, 10_000),
        "256",
        "Bodies that a worker reads at once; for a further one, one of the address that sends most is given up (503).",
    )
    min_body_rate: int = _setting(size(1), "1k", "Bytes a second that a body has to bring while it is sent.")
    body_stall_limit: float = _setting(
        duration(0.05, 3600),
        "10s",
        "Time for which a body may come slower than OBJAPI_MIN_BODY_RATE, or not at all, before it is refused (408).",
    )
    body_time_limit: float = _setting(
        duration(0.05), "10min", "Time that sending a body may take in all; then it is refused (408)."
    )
    max_parameters: int = _setting(whole_number(1), "10000", "Parameters in one request.")
    max_value_length: int = _setting(
        size(1), "1M", "Characters in one value; files and input_values are bounded by the body alone."
    )
    max_list_length: int = _setting(whole_number(1), "10000", "Entries in one list value.")
    max_json_values: int = _setting(whole_number(1000), "250000", "Values in one JSON body.")
    max_reference_queries: int = _setting(
        whole_number(1),
        "300",
        "Queries of references that one request may ask one by one, as those of texts are; those by UID, path, id and "
        "other plain values are asked together and do not count.",
    )
    max_update_entries: int = _setting(whole_number(1), "10000", "Objects that one writing request may name.")
    max_tree_objects: int = _setting(
        whole_number(1), "10000", "Objects that one copy, move or rename may take, contents included."
    )
    max_page_size: int = _setting(
        whole_number(1), "10000", "Objects in one page; page_size=0, which is streamed, is not bounded by it."
    )
    stream_time_limit: float = _setting(duration(1), "10min", "Time that a streamed answer may take.")
    stream_stall_limit: float = _setting(
        duration(0.05, 3600),
        "1min",
        "Time for which the client of a streamed answer or a download may take nothing of it before it is broken off.",
    )
    max_streams: int = _setting(
        whole_number(1, 1000),
        "8",
        "Streamed answers that a worker has open at once; they have connections of their own, so that a client that "
        "reads slowly keeps nobody waiting.",
    )

    max_waiting: int = _setting(
        whole_number(1, 400),
        "100",
        "Callers that may wait for changes at once in a worker; a further one is refused (503).",
    )
    max_event_streams: int = _setting(
        whole_number(1, 400),
        "100",
        "Streams of changes (server-sent events) that a worker has open at once; a further one is refused (503).",
    )
    event_heartbeat: float = _setting(
        duration(0.05, 300),
        "15s",
        "Time after which a stream of changes shows that it lives, and its session or token is looked at again.",
    )

    # Log-in
    login: LogIn | None = _setting(
        automatic(choice("password", "sign-on", "both"), "both with OBJAPI_OIDC_ISSUER, password without"),
        "auto",
        "How users log in: by the gateway's own password, by the log-in provider alone (sign-on), or by both.",
    )
    oidc_issuer: str | None = _setting(
        automatic(ISSUER, "there is no log-in provider"),
        "auto",
        "The OpenID Connect provider by which users log in, by its own name for itself, to the letter.",
    )
    oidc_client_id: str = _setting(
        text(r"[!-~]{1,200}", "the name, without blanks, under which the provider knows the gateway"),
        "objapi",
        "Client id of the gateway at the provider.",
    )
    oidc_client_secret_file: Path | None = _setting(
        automatic(FILE, "the gateway has no secret there, and shows itself by PKCE alone"),
        "auto",
        "File whose first line is the gateway's client secret at the provider.",
    )
    oidc_scopes: tuple[str, ...] = _setting(
        list_of(text(r"[!#-\[\]-~]{1,100}", "a scope of the provider")),
        "openid,profile,email",
        "Scopes that the provider is asked for; openid must be one of them.",
    )
    oidc_create: bool = _setting(
        BOOLEAN, "no", "Whether somebody who logs in at the provider and is linked to no user becomes a new user."
    )
    oidc_user_claim: str = _setting(
        text(r"[!-~]{1,100}", "the name of a claim"), "preferred_username", "Claim with the id of such a new user."
    )
    oidc_groups_claim: str = _setting(
        text(r"[!-~]{1,200}", "the name of a claim"), "groups", "Claim of the ID token that lists groups."
    )
    oidc_groups: tuple[tuple[str, str, str], ...] = _setting(
        list_of(GROUP_GRANT),
        "",
        "What groups of the provider give here, and nothing else gives: set by them at every log-in by the provider.",
    )
    oidc_timeout: float = _setting(duration(0.1, 30), "5s", "Time that the provider has for each answer.")
    session_lifetime: float = _setting(duration(60), "12h", "Time after which a session ends.")
    query_passwords: bool = _setting(
        BOOLEAN, "yes", "Whether a log-in may have its password in the URL, as published SENAITE clients send it."
    )
    password_link_lifetime: float = _setting(
        duration(60), "24h", "Time for which a one-time link for a new password is valid."
    )
    token_days: int | None = _setting(
        automatic(whole_number(1, 36_500), "as long as is asked for, or without an end"),
        "auto",
        "Longest life of an API token in days; one that would live longer, or without an end, is not made.",
    )
    totp_key_file: Path | None = _setting(
        automatic(FILE, "users are offered no second factor"),
        "auto",
        "File with the key, a line of at least 32 characters, that secrets of authenticator apps are encrypted with.",
    )
    basic_cache: float = _setting(
        duration(0, 3600), "60s", "Time for which a verified Basic credential is remembered by a worker process."
    )
    login_failures: int = _setting(
        whole_number(1), "5", "Failed log-ins of one name from one address before it has to wait."
    )
    address_failures: int = _setting(
        whole_number(1), "50", "Failed log-ins from one address, whatever the names, before it is slowed down."
    )
    failure_window: float = _setting(duration(1), "15min", "Time after which a failed log-in is forgotten.")
    login_wait: float = _setting(duration(1), "1s", "First wait after too many failures; it doubles with each more.")
    login_wait_limit: float = _setting(duration(1), "5min", "Longest wait after too many failures.")

    # The MxLIVE face
    mxlive_token_age: float = _setting(duration(1, 3600), "60s", "Age up to which a signed token of MxDC is good.")
    mxlive_clock_lead: float = _setting(
        duration(0, 3600), "60s", "Time by which the clock of a beamline may be ahead of this server's."
    )
    mxlive_data_proxy: str | None = _setting(
        automatic(PUBLIC_URL, "there is no data proxy, and files get no address"),
        "http://mxlive-data/download",
        "The data proxy of the beamlines, which gives a secure key for a directory.",
    )
    mxlive_proxy_timeout: float = _setting(duration(0.1, 30), "2s", "Time that the data proxy has to answer.")
    mxlive_max_body_size: int = _setting(size(1024), "3M", "Bytes in the body of an upload from a beamline.")
    mxlive_max_depth: int = _setting(whole_number(4, 60), "32", "Levels of nesting in an upload from a beamline.")

    # Database
    mariadb_driver: Driver = _setting(
        choice("auto", "pymysql", "mysqlclient"),
        "auto",
        "Driver for MariaDB and MySQL, whatever a URL names; auto: mysqlclient where it is installed, else PyMySQL.",
    )
    lock_timeout: float = _setting(duration(0.1, 600), "10s", "Time to wait for a lock or a busy database.")
    query_time_limit: float = _setting(
        duration(0.001, 3600),
        "30s",
        "Time that the database may take for one statement of a request, which then fails with 503.",
    )
    causal_reads: bool = _setting(
        BOOLEAN,
        "no",
        "Whether a read on a node of a Galera cluster waits for what was committed before on any node.",
    )
    retries: int = _setting(
        whole_number(0, 20),
        "8",
        "Repetitions of a request after a deadlock, a lock time-out or a lost connection; more, for "
        "OBJAPI_LOCK_TIMEOUT, when others were first with a deadlock or with a change of the same objects.",
    )

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the database: `database_url`, or the SQLite file in the data directory."""
        return self.database_url or f"sqlite:///{(self.data_dir / SQLITE_FILE).as_posix()}"

    @property
    def on_sqlite(self) -> bool:
        """True if the database is an SQLite file."""
        return self.database.startswith("sqlite:")

    @property
    def takes_passwords(self) -> bool:
        """True if users log in by a password of the gateway."""
        return self.login != "sign-on"

    @property
    def takes_sign_on(self) -> bool:
        """True if users log in by the log-in provider."""
        return self.oidc_issuer is not None and self.login != "password"

    @property
    def has_ispyb_logins(self) -> bool:
        """True if a user of the gateway is the ISPyB person of the same login."""
        if self.ispyb_same_logins is None:
            return self.ispyb_auth is None and not self.ispyb_dummy_login
        return self.ispyb_same_logins

    @property
    def worker_threads(self) -> int:
        """Requests that write at once in a worker. SQLite has one writer, so more than one would only wait there."""
        return self.threads or (1 if self.on_sqlite else 4)


def _declared(entry: "Field[Any]") -> Setting:
    if entry.default is MISSING:
        raise TypeError(f"Settings.{entry.name} has no default")
    metadata = entry.metadata
    return Setting(entry.name, PREFIX + entry.name.upper(), metadata["kind"], metadata["default"], metadata["meaning"])


SETTINGS: tuple[Setting, ...] = tuple(_declared(entry) for entry in fields(Settings))
