"""The settings of the gateway, read from a mapping such as `os.environ`.

The fields of `Settings` are the declarations. Nothing here reads files or asks the operating system.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from textwrap import wrap
from typing import Any

from objapi.settings.declared import (
    DEFAULT_PROFILES,
    MOST_WAITING,
    PREFIX,
    SETTINGS,
    SQLITE_FILE,
    LogFormat,
    LogLevel,
    Settings,
)
from objapi.settings.parsing import is_secure_url

__all__ = [
    "DEFAULT_PROFILES",
    "SETTINGS",
    "SQLITE_FILE",
    "LogFormat",
    "LogLevel",
    "Settings",
    "SettingsError",
    "describe",
    "load_settings",
]

# Variables of the test suite, which may stand in the environment of a server that a test starts.
_TEST_VARIABLES = ("OBJAPI_REQUIRE_MARIADB", "OBJAPI_TEST_")


class SettingsError(Exception):
    """Settings that cannot be used; `problems` are all of them, each one sentence that names the culprit."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load_settings(
    environ: Mapping[str, str], overrides: Mapping[str, str | int | float | Path | None] | None = None
) -> Settings:
    """The settings that an environment gives, with those of a command line over them.

    `environ` is read by the names `OBJAPI_…`; an empty variable counts as not set. `overrides` goes by the names in
    Python; None means not given. Raises SettingsError with every problem: values that cannot be read, variables that
    look like settings and are none, settings that contradict each other.
    """
    given = dict(overrides or {})
    unknown = given.keys() - {setting.name for setting in SETTINGS}
    if unknown:
        raise TypeError(f"no such settings: {', '.join(sorted(unknown))}")
    problems = list(_unknown_variables(environ))
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        override = given.get(setting.name)
        source, written = (
            (setting.env, environ.get(setting.env, "").strip())
            if override is None
            else (f"the option for {setting.env}", str(override).strip())
        )
        if not written:
            continue
        try:
            values[setting.name] = setting.kind.parse(written)
        except ValueError:
            problems.append(f"{source}: {setting.kind.show(written)} is not {setting.kind.expected}.")
    settings = Settings(**values)
    problems.extend(_contradictions(settings))
    if problems:
        raise SettingsError(problems)
    return settings


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    known = [setting.env for setting in SETTINGS]
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or name.startswith(_TEST_VARIABLES):
            continue
        near = get_close_matches(name, known, n=1, cutoff=0.7)
        remedy = f"did you mean {near[0]}?" if near else "`objapi serve --help` lists them; unset it."
        yield f"{name}: there is no such setting; {remedy}"


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.max_value_length > settings.max_body_size:
        yield (
            f"OBJAPI_MAX_VALUE_LENGTH ({settings.max_value_length}) is more than OBJAPI_MAX_BODY_SIZE "
            f"({settings.max_body_size}): no request could carry such a value. Raise the second or lower the first."
        )
    if settings.max_waiting + settings.max_event_streams > MOST_WAITING:
        yield (
            f"OBJAPI_MAX_WAITING ({settings.max_waiting}) and OBJAPI_MAX_EVENT_STREAMS ({settings.max_event_streams}) "
            f"are more than {MOST_WAITING} together: a worker would have no connections left for requests. Lower one."
        )
    if settings.login_wait > settings.login_wait_limit:
        yield (
            f"OBJAPI_LOGIN_WAIT ({settings.login_wait:g} s) is more than OBJAPI_LOGIN_WAIT_LIMIT "
            f"({settings.login_wait_limit:g} s). Raise the second or lower the first."
        )
    if settings.oidc_issuer is None:
        if settings.login in ("sign-on", "both"):
            yield f"OBJAPI_LOGIN ({settings.login}) needs a log-in provider. Set OBJAPI_OIDC_ISSUER."
        return
    if settings.public_url is None or not is_secure_url(settings.public_url):
        yield (
            "OBJAPI_OIDC_ISSUER needs OBJAPI_PUBLIC_URL, an https URL: the provider sends browsers back to it. Only on "
            "this machine may it be http."
        )
    if "openid" not in settings.oidc_scopes:
        yield "OBJAPI_OIDC_SCOPES lacks openid: without it the provider does not say who has logged in. Add it."


def describe(width: int = 100, environ: Mapping[str, str] | None = None) -> str:
    """All settings as text for a terminal: variable and default, then meaning and what is expected, wrapped.

    What `environ` sets is shown as in force; of a secret the part that may be seen.
    """
    lines: list[str] = []
    for setting in SETTINGS:
        default = setting.default or "empty"
        written = (environ or {}).get(setting.env, "").strip()
        in_force = f"; in force: {setting.kind.show(written)}" if written else ""
        lines.append(f"{setting.env} (default: {default}{in_force})")
        explanation = f"{setting.meaning} Expected: {setting.kind.expected}."
        lines.extend(wrap(explanation, width, initial_indent="    ", subsequent_indent="    "))
    return "\n".join(lines)
