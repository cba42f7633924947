import os
import pickle
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.settings import SETTINGS, Settings, SettingsError, describe, load_settings
from objapi.settings.parsing import duration, size, without_password


def problems(environ: Mapping[str, str], **overrides: str | int | None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, overrides)
    return caught.value.problems


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert settings.site_id == "Plone"
    assert settings.profiles is None
    assert settings.timezone == ZoneInfo("UTC")
    assert settings.max_body_size == 16 * 2**20
    assert settings.session_lifetime == 12 * 3600


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("HOST", "::1", "::1"),
        ("PORT", "80", 80),
        ("PUBLIC_URL", "https://lab.example.org/api/", "https://lab.example.org/api"),
        ("PUBLIC_URL", "auto", None),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1"))),
        ("ALLOWED_ORIGINS", "https://Lab.example.org/,http://localhost:3000", None),
        ("COOKIE_SECURE", "ON", "on"),
        ("WORKERS", "auto", None),
        ("THREADS", "8", 8),
        ("STOP_TIMEOUT", "1.5s", 1.5),
        ("DATA_DIR", "/srv/lab", Path("/srv/lab")),
        ("DATABASE_URL", "mysql+pymysql://u:p@db/lab", "mysql+pymysql://u:p@db/lab"),
        ("DATABASE_URL", "mariadb://u:p@db/lab", "mariadb://u:p@db/lab"),
        ("MARIADB_DRIVER", "MySQLclient", "mysqlclient"),
        ("DATABASE_URL", "sqlite:////srv/lab.sqlite", "sqlite:////srv/lab.sqlite"),
        ("PROFILES", "lims, /etc/objapi/ourlab", ("lims", "/etc/objapi/ourlab")),
        ("TIMEZONE", "Europe/Berlin", ZoneInfo("Europe/Berlin")),
        ("ERROR_STATUS", "historic", "historic"),
        ("TRANSITIONS_IN_READ", "Yes", True),
        ("MAX_BODY_SIZE", "2G", 2 * 2**30),
        ("MAX_VALUE_LENGTH", "500000", 500_000),
        ("SESSION_LIFETIME", "2d", 172_800.0),
        ("LOCK_TIMEOUT", "500ms", 0.5),
        ("BASIC_CACHE", "0", 0.0),
        ("RETRIES", "0", 0),
    ],
)
def test_a_value_is_read_as_its_kind(name: str, written: str, value: object) -> None:
    if name == "ALLOWED_ORIGINS":
        value = ("https://lab.example.org", "http://localhost:3000")
    assert getattr(load_settings({f"OBJAPI_{name}": written}), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("HOST", "a b"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("PUBLIC_URL", "lab.example.org"),
        ("PUBLIC_URL", "ftp://lab.example.org"),
        ("PUBLIC_URL", "https://lab.example.org/?a=1"),
        ("PUBLIC_URL", "https://lab.example.org:port"),
        ("PUBLIC_URL", "http://[::1"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://lab.example.org/page"),
        ("COOKIE_SECURE", "maybe"),
        ("WORKERS", "0"),
        ("STOP_TIMEOUT", "0"),
        ("DATA_DIR", "a\0b"),
        ("DATABASE_URL", "postgresql://db/lab"),
        ("DATABASE_URL", "mysql+oursql://u@db/lab"),
        ("MARIADB_DRIVER", "mysqldb"),
        ("DATABASE_URL", "mysql+pymysql://u@db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("SITE_ID", "my site"),
        ("SITE_ID", ".."),
        ("SITE_TITLE", "two\nlines"),
        ("TIMEZONE", "Berlin"),
        ("TIMEZONE", "../../etc/passwd"),
        ("TIMEZONE", "Europe"),
        ("MAX_BODY_SIZE", "16 parsecs"),
        ("SESSION_LIFETIME", "forever"),
        ("RETRIES", "1e3"),
    ],
)
def test_a_bad_value_is_named_with_what_is_expected(name: str, written: str) -> None:
    (problem,) = problems({f"OBJAPI_{name}": written})
    expected = next(setting.kind.expected for setting in SETTINGS if setting.env == f"OBJAPI_{name}")
    assert problem == f"OBJAPI_{name}: {written!r} is not {expected}."


def test_all_problems_are_told_at_once() -> None:
    found = problems({"OBJAPI_PORT": "x", "OBJAPI_TIMEZONE": "y", "OBJAPI_DATABSE_URL": "z"}, workers=0)
    assert len(found) == 4
    for culprit in ("OBJAPI_PORT", "OBJAPI_TIMEZONE", "OBJAPI_DATABSE_URL", "OBJAPI_WORKERS"):
        assert any(culprit in problem for problem in found)


def test_an_unknown_variable_is_a_problem_that_names_the_nearest() -> None:
    assert problems({"OBJAPI_DATABSE_URL": "x"}) == (
        "OBJAPI_DATABSE_URL: there is no such setting; did you mean OBJAPI_DATABASE_URL?",
    )
    assert "unset it" in problems({"OBJAPI_QQQ": "x"})[0]


def test_variables_of_others_and_of_the_test_suite_are_left_alone() -> None:
    others = {"PATH": "/bin", "OBJAPIX": "1", "OBJAPI_REQUIRE_MARIADB": "1", "OBJAPI_TEST_MARIADB_URL": "x"}
    assert load_settings(others) == Settings()


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({"OBJAPI_DATABASE_URL": "", "OBJAPI_PORT": " "}) == Settings()


def test_an_override_goes_before_the_environment_and_none_does_not() -> None:
    environ = {"OBJAPI_PORT": "81", "OBJAPI_HOST": "::1"}
    settings = load_settings(environ, {"port": 82, "host": None, "data_dir": Path("/srv")})
    assert (settings.port, settings.host, settings.data_dir) == (82, "::1", Path("/srv"))


def test_an_override_of_no_setting_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="no such settings: prot"):
        load_settings({}, {"prot": 82})


def test_a_password_is_not_repeated_in_a_problem() -> None:
    (problem,) = problems({"OBJAPI_DATABASE_URL": "mysql+oursql://root:s3/cr@t@db/lab"})
    assert "s3" not in problem
    assert "cr" not in problem
    assert "mysql+oursql://root:***@db/lab" in problem


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql+pymysql://root:secret@db/lab", "'mysql+pymysql://root:***@db/lab'"),
        ("root:secret@db/lab", "'root:***@db/lab'"),
        ("mysql+pymysql://root@db:3306/lab", "'mysql+pymysql://root@db:3306/lab'"),
        ("sqlite:///var/lab.sqlite", "'sqlite:///var/lab.sqlite'"),
    ],
)
def test_a_database_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_the_database_is_a_file_in_the_data_directory_unless_one_is_given() -> None:
    assert Settings(data_dir=Path("/srv/lab")).database == "sqlite:////srv/lab/objapi.sqlite"
    assert Settings(data_dir=Path("var")).database == "sqlite:///var/objapi.sqlite"
    assert Settings(database_url="mysql+pymysql://db/lab").database == "mysql+pymysql://db/lab"


@pytest.mark.parametrize(
    ("settings", "threads"),
    [
        (Settings(), 1),
        (Settings(database_url="mysql+pymysql://db/lab"), 4),
        (Settings(threads=3), 3),
    ],
)
def test_the_number_of_threads_follows_the_database(settings: Settings, threads: int) -> None:
    assert settings.worker_threads == threads


@pytest.mark.parametrize(
    "environ",
    [
        {"OBJAPI_MAX_BODY_SIZE": "2k", "OBJAPI_MAX_VALUE_LENGTH": "4k"},
        {"OBJAPI_LOGIN_WAIT": "10s", "OBJAPI_LOGIN_WAIT_LIMIT": "5s"},
    ],
)
def test_settings_that_contradict_each_other_are_a_problem_naming_both(environ: dict[str, str]) -> None:
    (problem,) = problems(environ)
    assert all(name in problem for name in environ)


def test_every_setting_is_described_with_default_meaning_and_expectation() -> None:
    described = " ".join(describe().split())
    for setting in SETTINGS:
        assert f"{setting.env} (default: {setting.default or 'empty'}) {setting.meaning}" in described
        assert setting.kind.expected in described
    assert max(len(line) for line in describe(80).splitlines()) <= 80


def test_settings_travel_to_worker_processes() -> None:
    settings = load_settings({"OBJAPI_TRUSTED_PROXIES": "10.0.0.0/8", "OBJAPI_TIMEZONE": "Asia/Tokyo"})
    assert pickle.loads(pickle.dumps(settings)) == settings


@given(st.dictionaries(st.sampled_from([setting.env for setting in SETTINGS]), st.text(max_size=30), max_size=4))
def test_whatever_is_written_is_read_or_refused_with_a_sentence(environ: dict[str, str]) -> None:
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        assert error.problems
        assert all(problem.endswith(".") and "OBJAPI_" in problem for problem in error.problems)
    else:
        assert isinstance(settings, Settings)


@given(st.integers(1, 10**6), st.sampled_from([("", 1), ("k", 2**10), ("M", 2**20), ("G", 2**30), ("MiB", 2**20)]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: tuple[str, int]) -> None:
    assert size().parse(f"{number}{unit[0]}") == number * unit[1]


@given(st.integers(0, 10**6), st.sampled_from([("", 1), ("s", 1), ("min", 60), ("m", 60), ("h", 3600), ("d", 86400)]))
def test_a_duration_is_its_number_times_its_unit_in_seconds(number: int, unit: tuple[str, int]) -> None:
    assert duration().parse(f"{number}{unit[0]}") == number * unit[1]


def test_the_environment_of_this_process_is_not_read() -> None:
    os.environ["OBJAPI_PORT"] = "1"
    try:
        assert load_settings({}).port == 8080
    finally:
        del os.environ["OBJAPI_PORT"]


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({}, True),
        ({"OBJAPI_ISPYB_DUMMY_LOGIN": "yes"}, False),
        ({"OBJAPI_ISPYB_DUMMY_LOGIN": "yes", "OBJAPI_ISPYB_SAME_LOGINS": "yes"}, True),
        ({"OBJAPI_ISPYB_AUTH": "plugins.yaml"}, False),
        ({"OBJAPI_ISPYB_AUTH": "plugins.yaml", "OBJAPI_ISPYB_SAME_LOGINS": "yes"}, True),
        ({"OBJAPI_ISPYB_SAME_LOGINS": "no"}, False),
    ],
)
def test_a_login_means_one_person_where_the_gateways_users_alone_log_in(given: dict[str, str], same: bool) -> None:
    assert load_settings(given).has_ispyb_logins is same


def test_a_database_may_have_several_hosts() -> None:
    url = "mysql://lab:a,b@one:3306,two,three:3307/lab"
    settings = load_settings(
        {"OBJAPI_DATABASE_URL": url, "OBJAPI_DATABASES": f"stock={url}?charset=utf8mb4, beam=sqlite:////beam.db,"}
    )
    assert settings.database == url
    assert settings.databases == (("stock", f"{url}?charset=utf8mb4"), ("beam", "sqlite:////beam.db"))
    for wrong in ("mysql://lab:s3cret@one,/lab", "mysql://lab:s3cret@one,two:x/lab", "mysql://lab:s3cret@one,two"):
        (problem,) = problems({"OBJAPI_DATABASE_URL": wrong})
        assert "s3cret" not in problem
