"""The `objapi` command: making a site, its users, contents and workflows, and what it refuses with a remedy."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from wsgiref.types import WSGIApplication

import pytest
import yaml
from click.testing import CliRunner, Result

from objapi.app import create_app
from objapi.cli import main
from objapi.cli.serving import announcement, is_exposed
from objapi.http.metrics import Metrics
from objapi.model.content import ContentUser
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.serve import INHERITS, MakeApplication
from objapi.settings import Settings, load_settings
from objapi.site import Site
from tests.ports import free_port

CONTENT = """
users:
- {id: somebody, password: a long secret, fullname: Some Body, roles: [Member]}
objects:
- {path: /clients/client-1, portal_type: Client, fields: {Name: First, ClientID: F}}
"""

DEFINITION = """<?xml version="1.0"?>
<dc-workflow workflow_id="small" title="Small" state_variable="review_state" initial_state="open">
 <state state_id="open" title="Open"><exit-transition transition_id="close"/></state>
 <state state_id="closed" title="Closed"/>
 <transition transition_id="close" title="Close" new_state="closed" trigger="USER" before_script="" after_script="x">
  <guard><guard-expression>python: here.ok()</guard-expression></guard>
 </transition>
</dc-workflow>
"""


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the surroundings reaches a command."""
    monkeypatch.delenv("OBJAPI_DATA_DIR", raising=False)
    monkeypatch.delenv("OBJAPI_DATABASE_URL", raising=False)
    monkeypatch.delenv("OBJAPI_PROFILES", raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "var"


def objapi(*arguments: str | Path, given: str = "") -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a new site, which tests add to."""
    data = tmp_path_factory.mktemp("site") / "var"
    result = objapi("init", "--data", data)
    assert result.exit_code == 0, result.output
    assert "objapi user add" in result.stderr
    yield data


def test_help_names_every_command() -> None:
    result = objapi("--help")
    assert result.exit_code == 0
    for command in ("serve", "init", "user", "content", "upgrade", "reindex", "workflows", "settings"):
        assert f"  {command} " in result.output
        assert objapi(command, "--help").exit_code == 0


def test_making_a_site_again_changes_nothing(made: Path) -> None:
    result = objapi("init", "--data", made)
    assert (result.exit_code, "nothing was changed" in result.stderr) == (0, True)


def test_users_are_added_listed_and_given_new_passwords(made: Path) -> None:
    add = objapi(
        "user", "add", "boss", "--role", "Manager", "--fullname", "The Boss", "--password-stdin", "--data", made,
        given="a long secret\n",
    )  # fmt: skip
    assert add.exit_code == 0, add.output
    assert "boss\tThe Boss\t\tManager" in objapi("user", "list", "--data", made).stdout
    new = objapi("user", "passwd", "boss", "--data", made, given="another secret\nanother secret\n")
    assert new.exit_code == 0, new.output


def test_the_second_factor_of_a_user_is_reset(made: Path) -> None:
    assert objapi("user", "add", "amy", "--password-stdin", "--data", made, given="a long secret\n").exit_code == 0
    none = objapi("user", "reset-second-factor", "amy", "--data", made)
    assert (none.exit_code, none.stderr) == (0, "amy has none; nothing was changed.\n")
    assert "no user 'bob'" in objapi("user", "reset-second-factor", "bob", "--data", made).stderr


def test_users_are_linked_to_accounts_of_the_log_in_provider(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert objapi("user", "add", "lea", "--password-stdin", "--data", made, given="a long secret\n").exit_code == 0
    link = ("user", "link-sign-on", "lea", "--subject", "s-1", "--data", made)
    assert "OBJAPI_OIDC_ISSUER is not set" in objapi(*link).stderr
    monkeypatch.setenv("OBJAPI_OIDC_ISSUER", "https://id.example.org")
    monkeypatch.setenv("OBJAPI_PUBLIC_URL", "https://lab.example.org")
    assert objapi(*link).stderr == "lea logs in by s-1 at https://id.example.org.\n"
    assert objapi(*link).stderr == "lea does already; nothing was changed.\n"
    assert "sign-on: s-1 at https://id.example.org" in objapi("user", "show", "lea", "--data", made).stdout
    once = objapi("user", "link-sign-on", "lea", "--data", made)
    assert once.stdout.startswith("https://lab.example.org/Plone/new_password?key=")
    unlink = ("user", "unlink-sign-on", "lea", "--data", made)
    assert objapi(*unlink).stderr == "lea is linked to no account.\n"
    assert objapi(*unlink).stderr == "lea was linked to none; nothing was changed.\n"


def test_tokens_are_made_listed_and_revoked(made: Path) -> None:
    user = ("user", "add", "bot", "--role", "Analyst", "--password-stdin", "--data", made)
    assert objapi(*user, given="a long secret\n").exit_code == 0
    add = objapi(
        "token", "add", "bot", "--name", "dashboard", "--read-only", "--methods", "read,history",
        "--types", "Client,Batch", "--path", "/clients", "--expires", "30", "--data", made,
    )  # fmt: skip
    assert add.exit_code == 0, add.output
    mark, prefix, secret = add.stdout.strip().split("_")
    assert (mark, len(prefix), len(secret)) == ("oat", 8, 40)
    assert "objects in /Plone/clients; expires 20" in add.stderr
    for listed in (objapi("token", "list", "bot", "--data", made), objapi("token", "list", "--data", made)):
        assert listed.stdout.startswith(f"{prefix}\tbot\tdashboard\treading alone; the methods history, read;")
        assert "\tnever used" in listed.stdout
        assert secret not in listed.output
    assert objapi("token", "add", "bot", "--data", made).exit_code == 0
    passwd = objapi("user", "passwd", "bot", "--password-stdin", "--data", made, given="another secret\n")
    assert "2 API tokens still work" in passwd.stderr
    assert objapi("token", "revoke", f"oat_{prefix}", "--data", made).stderr == "Revoked 1 token.\n"
    last = objapi(
        "user", "passwd", "bot", "--revoke-tokens", "--password-stdin", "--data", made, given="a third secret\n"
    )
    assert (last.exit_code, "still work" in last.stderr) == (0, False)
    assert objapi("token", "revoke", "--user", "bot", "--data", made).stderr == "Revoked 0 tokens.\n"
    assert objapi("token", "list", "--data", made).stdout == ""


def test_contacts_get_log_ins_and_users_links_for_a_password(made: Path, tmp_path: Path) -> None:
    file, contact = tmp_path / "contact.yaml", "/clients/client-1/contact-1"
    file.write_text(
        "objects:\n"
        "- {path: /clients/client-1, portal_type: Client, fields: {Name: First, ClientID: F}}\n"
        f"- {{path: {contact}, portal_type: Contact, fields: {{Firstname: Una, Surname: Roe}}}}\n",
        encoding="utf-8",
    )
    assert objapi("content", "load", file, "--data", made).exit_code == 0
    user = ("user", "add", "una", "--password-stdin", "--data", made)
    assert objapi(*user, given="a long secret\n").exit_code == 0
    local = "local roles: Owner on /Plone/clients/client-1"
    for command, told in (("linked", "is the log-in"), ("again", "is that already")):
        linked = objapi("user", "link", "una", contact, "--data", made)
        assert (linked.exit_code, told in linked.stderr) == (0, True), (command, linked.output)
    assert local in objapi("user", "show", "una", "--data", made).stdout
    link = objapi("user", "password-link", "una", "--data", made)
    assert link.stdout.startswith("http://127.0.0.1:8080/Plone/new_password?key="), link.output
    assert objapi("user", "unlink", contact, "--data", made).exit_code == 0
    assert local not in objapi("user", "show", "una", "--data", made).stdout
    assert objapi("user", "change", "una", "--email", "una@lab.example", "--data", made).exit_code == 0
    assert "e-mail: una@lab.example" in objapi("user", "show", "una", "--data", made).stdout
    assert objapi("user", "change", "una", "--data", made).exit_code == 2


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a site with one Manager, `chief`, and the analyst `ann`."""
    data = tmp_path_factory.mktemp("staffed") / "var"
    assert objapi("init", "--data", data).exit_code == 0
    for name, option, value in (("chief", "--role", "Manager"), ("ann", "--group", "Analysts")):
        added = objapi("user", "add", name, option, value, "--password-stdin", "--data", data, given="a long secret\n")
        assert added.exit_code == 0, added.output
    return data


def shown(data: Path, name: str) -> dict[str, str]:
    """What `objapi user show` says, by label."""
    result = objapi("user", "show", name, "--data", data)
    assert result.exit_code == 0, result.output
    return {label: value.strip() for label, _, value in (line.partition(":") for line in result.stdout.splitlines())}


def test_roles_groups_and_local_roles_are_granted_shown_and_revoked(staffed: Path) -> None:
    options = ("--role", "Verifier", "--group", "Samplers", "--local-role", "Owner", "--on", "/clients")
    granted = objapi("user", "grant", "ann", *options, "--data", staffed)
    assert granted.exit_code == 0, granted.output
    assert granted.stderr.splitlines() == [
        "ann: roles: Verifier",
        "ann: groups: Analysts, Samplers",
        "ann: local roles on /Plone/clients: Owner",
    ]
    assert shown(staffed, "ann") == {
        "name": "ann",
        "full name": "",
        "e-mail": "",
        "active": "yes",
        "roles": "Verifier",
        "groups": "Analysts, Samplers",
        "roles with those of groups": "Analyst, Member, Sampler, Verifier",
        "local roles": "Owner on /Plone/clients",
    }
    again = objapi("user", "grant", "ann", *options, "--data", staffed)
    assert (again.exit_code, "nothing was changed" in again.stderr) == (0, True)
    revoked = objapi("user", "revoke", "ann", *options, "--data", staffed)
    assert revoked.exit_code == 0, revoked.output
    after = shown(staffed, "ann")
    assert (after["roles"], after["groups"], "local roles" in after) == ("", "Analysts", False)


def test_a_user_is_locked_out_and_let_in_again(staffed: Path) -> None:
    for command, active, told in (
        ("disable", "no", "ann is disabled and logged out."),
        ("disable", "no", "nothing was changed"),
        ("enable", "yes", "ann may log in again."),
        ("enable", "yes", "nothing was changed"),
    ):
        result = objapi("user", command, "ann", "--data", staffed)
        assert result.exit_code == 0, result.output
        assert told in result.stderr
        assert shown(staffed, "ann")["active"] == active


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("disable", "chief"), "Give the role to somebody else first"),
        (("revoke", "chief", "--role", "Manager"), "chief is the last active user with the role Manager"),
        (("revoke", "ann", "--role", "Analyst"), "take the group instead"),
        (("grant", "ann", "--role", "Managr"), "'Managr'"),
        (("grant", "ann", "--group", "Analyst"), "'Analyst'"),
        (("grant", "ann", "--local-role", "Owner", "--on", "/clints"), "'/clints'"),
        (("grant", "group:Analists", "--local-role", "Owner", "--on", "/clients"), "'Analists'"),
        (("disable", "nobody"), "'nobody'"),
        (("show", "nobody"), "'nobody'"),
    ],
)
def test_what_cannot_be_granted_or_taken_is_refused_with_the_remedy(
    staffed: Path, arguments: tuple[str, ...], told: str
) -> None:
    before = objapi("user", "list", "--data", staffed).stdout
    result = objapi("user", *arguments, "--data", staffed)
    assert result.exit_code == 1
    assert told in result.stderr
    assert objapi("user", "list", "--data", staffed).stdout == before


@pytest.mark.parametrize("arguments", [("ann",), ("ann", "--local-role", "Owner"), ("ann", "--on", "/clients")])
@pytest.mark.parametrize("command", ["grant", "revoke"])
def test_a_grant_of_nothing_is_a_wrong_use(staffed: Path, command: str, arguments: tuple[str, ...]) -> None:
    result = objapi("user", command, *arguments, "--data", staffed)
    assert result.exit_code == 2
    assert "--local-role" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (("user", "add", "b s", "--password-stdin"), "a long secret\n", "'b s'"),
        (("user", "add", "x", "--role", "Managr", "--password-stdin"), "short\n", "Managr"),
        (("user", "passwd", "nobody", "--password-stdin"), "a long secret\n", "nobody"),
        (("token", "add", "nobody"), "", "nobody"),
        (("token", "list", "nobody"), "", "nobody"),
        (("token", "revoke", "aaaaaaaa"), "", "no token 'aaaaaaaa'"),
    ],
)
def test_what_cannot_be_a_user_is_refused(made: Path, arguments: tuple[str, ...], given: str, told: str) -> None:
    result = objapi(*arguments, "--data", made, given=given)
    assert result.exit_code == 1
    assert told in result.stderr


def test_contents_are_loaded_from_a_file_all_or_none(made: Path, tmp_path: Path) -> None:
    file = tmp_path / "content.yaml"
    file.write_text(CONTENT, encoding="utf-8")
    assert objapi("content", "load", file, "--data", made).exit_code == 0
    assert "somebody" in objapi("user", "list", "--data", made).stdout
    again = objapi("content", "load", file, "--data", made)
    assert again.exit_code == 0, again.output
    assert "keep password, roles and groups: somebody" in again.stderr
    file.write_text("objects: [1]", encoding="utf-8")
    assert objapi("content", "load", file, "--data", made).exit_code == 1


def test_a_command_on_a_directory_without_a_site_makes_nothing(tmp_path: Path) -> None:
    result = objapi("user", "list", "--data", tmp_path / "nowhere")
    file = tmp_path / "nowhere" / "objapi.sqlite"
    assert result.exit_code == 1
    assert f"There is no site in {file}. Is --data right? `objapi init` makes one." in result.stderr
    assert not file.parent.exists()


def test_local_roles_of_a_group_are_shown_for_it_and_its_members(staffed: Path) -> None:
    options = ("--local-role", "Owner", "--on", "/clients", "--data", staffed)
    assert objapi("user", "grant", "group:Analysts", *options).exit_code == 0
    assert shown(staffed, "ann")["local roles"] == "Owner on /Plone/clients through group:Analysts"
    group = objapi("user", "show", "group:Analysts", "--data", staffed).stdout.splitlines()
    assert group[-1] == "local roles: Owner on /Plone/clients"
    assert "ann" in group[-2]
    unknown = objapi("user", "show", "group:Nobody", "--data", staffed)
    assert (unknown.exit_code, "'Nobody'" in unknown.stderr) == (1, True)
    assert objapi("user", "revoke", "group:Analysts", *options).exit_code == 0


def test_local_roles_are_given_on_objects_that_exist(made: Path, tmp_path: Path) -> None:
    file = tmp_path / "content.yaml"
    file.write_text(
        "users: [{id: ruth, password: a long secret, local_roles: {/clients: [Owner], /: [Owner]}}]", encoding="utf-8"
    )
    assert objapi("content", "load", file, "--data", made).exit_code == 0
    shown_local = objapi("user", "show", "ruth", "--data", made).stdout
    assert "local roles: Owner on /Plone\n" in shown_local
    assert "local roles: Owner on /Plone/clients\n" in shown_local
    file.write_text("users: [{id: rolf, password: a long secret, local_roles: {/clints: [Owner]}}]", encoding="utf-8")
    refused = objapi("content", "load", file, "--data", made)
    assert (refused.exit_code, "/clints, where there is no object" in refused.stderr) == (1, True)


@pytest.mark.parametrize("password", ["short", "weakling", "x" * 129])
def test_passwords_of_a_content_file_follow_the_rule(made: Path, tmp_path: Path, password: str) -> None:
    file = tmp_path / "content.yaml"
    file.write_text(f"users: [{{id: weakling, password: {password}}}]", encoding="utf-8")
    result = objapi("content", "load", file, "--data", made)
    assert (result.exit_code, "user weakling: The password" in result.stderr) == (1, True)
    assert "weakling" not in objapi("user", "list", "--data", made).stdout


@pytest.mark.parametrize("command", ["upgrade", "reindex"])
def test_upkeep_can_be_repeated(made: Path, command: str) -> None:
    for _ in range(2):
        result = objapi(command, "--data", made)
        assert result.exit_code == 0, result.output


def test_an_upgrade_can_be_tried(made: Path) -> None:
    result = objapi("upgrade", "--dry-run", "--data", made)
    assert result.exit_code == 0, result.output
    assert result.stderr.endswith("Nothing was changed.\n")
    assert "Reindexing" not in result.stderr


def test_commands_use_the_profiles_that_the_site_was_made_with(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBJAPI_PROFILES", "base,mxlive")
    assert objapi("init", "--data", data).exit_code == 0
    monkeypatch.delenv("OBJAPI_PROFILES")
    assert objapi("mxlive", "add-project", "ada", "--data", data).exit_code == 0
    assert "mx_session_workflow" in objapi("workflows", "show", "--data", data).stdout
    monkeypatch.setenv("OBJAPI_PROFILES", "base")
    left_out = objapi("user", "list", "--data", data)
    assert (left_out.exit_code, "leaves out mxlive" in left_out.stderr) == (1, True)
    upgraded = objapi("upgrade", "--data", data)
    assert (upgraded.exit_code, "MxProject (1)" in upgraded.stderr) == (1, True)
    monkeypatch.delenv("OBJAPI_PROFILES")
    listed = objapi("user", "list", "--data", data)
    assert listed.exit_code == 0, listed.stderr


@pytest.mark.parametrize("arguments", [("user", "list"), ("serve", "--port", "1"), ("reindex",)])
def test_without_a_site_the_remedy_is_told(data: Path, arguments: tuple[str, ...]) -> None:
    result = objapi(*arguments, "--data", data)
    assert result.exit_code == 1


@pytest.mark.parametrize("arguments", [(), ("--demo",)])
def test_a_server_loads_the_declarations_once_for_all_its_workers(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    loads: list[Sequence[str | Path]] = []
    made_of: list[WSGIApplication] = []

    def load(profiles: Sequence[str | Path]) -> Registry:
        loads.append(profiles)
        return load_registry(profiles)

    def make(settings: Settings, _: Metrics, site: Site | None = None) -> WSGIApplication:
        # Without what a worker does on the side.
        return create_app(settings, site)

    def run(settings: Settings, on_ready: object, application: MakeApplication) -> int:
        made_of.extend((application(settings, Metrics()), application(settings, Metrics())))
        return 0

    monkeypatch.setattr("objapi.site.load_registry", load)
    monkeypatch.setattr("objapi.cli.serving.create_served_app", make)
    monkeypatch.setattr("objapi.cli.serving.run_server", run)
    data = tmp_path / "var" if arguments else made
    result = objapi("serve", "--data", data, "--port", str(free_port()), *arguments)
    assert result.exit_code == 0, result.output
    assert len(made_of) == 2
    assert loads.count(("lims",)) == (1 if INHERITS else 3)


def test_a_server_imports_no_migrations(made: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from objapi.cli.serving import _prepared; "
        "from objapi.settings import load_settings; "
        "_prepared(load_settings({}, {'data_dir': Path(sys.argv[1])}), demo=False); "
        "assert not {'alembic', 'mako'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(made)], check=True)


def test_a_site_that_was_never_made_is_not_served(data: Path) -> None:
    result = objapi("serve", "--port", "18080", "--data", data)
    assert (result.exit_code, "objapi init" in result.stderr) == (1, True)


@pytest.mark.parametrize("variable", ["OBJAPI_HOST", "OBJAPI_PUBLIC_URL"])
def test_the_sample_laboratory_is_for_this_machine_alone(
    data: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, {"OBJAPI_HOST": "0.0.0.0", "OBJAPI_PUBLIC_URL": "https://lab.example"}[variable])
    result = objapi("serve", "--demo", "--data", data)
    assert result.exit_code == 1
    assert "127.0.0.1" in result.stderr
    assert not data.exists()


def test_a_wrong_setting_is_told_by_name(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBJAPI_PROT", "8080")
    monkeypatch.setenv("OBJAPI_THREADS", "many")
    result = objapi("init", "--data", data)
    assert result.exit_code == 1
    assert "OBJAPI_PROT" in result.stderr
    assert "OBJAPI_THREADS" in result.stderr


@pytest.mark.parametrize(
    ("settings", "exposed"),
    [
        ({}, False),
        ({"OBJAPI_HOST": "localhost"}, False),
        ({"OBJAPI_HOST": "0.0.0.0"}, True),
        ({"OBJAPI_PUBLIC_URL": "http://127.0.0.1:9000"}, False),
        ({"OBJAPI_PUBLIC_URL": "https://lab.example"}, True),
    ],
)
def test_who_can_reach_the_server(settings: dict[str, str], exposed: bool) -> None:
    assert is_exposed(load_settings(settings)) is exposed


def test_the_announcement_has_what_a_newcomer_needs() -> None:
    user = ContentUser("admin", "secret", "Site Administrator", roles=("Manager",))
    text = announcement(load_settings({"OBJAPI_PORT": "9000"}), [user])
    assert "http://127.0.0.1:9000/Plone" in text
    assert "admin  secret  Site Administrator (Manager)" in text
    assert "curl -u admin:secret 'http://127.0.0.1:9000/Plone/@@API/read?portal_type=Client'" in text
    assert "curl" not in announcement(load_settings({}), [])


def test_a_definition_of_another_system_becomes_a_declaration(tmp_path: Path) -> None:
    file = tmp_path / "definition.xml"
    file.write_text(DEFINITION, encoding="utf-8")
    result = objapi("workflows", "import", file)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("workflows:\n  small:\n")
    assert "here.ok()" in result.stderr
    written = tmp_path / "small.yaml"
    assert objapi("workflows", "import", file, "-o", written).exit_code == 0
    assert written.read_text(encoding="utf-8") == result.stdout


NAMED = "<guard-permission>Shut</guard-permission><guard-role>Janitor</guard-role>"
NAMES = DEFINITION.replace("<guard>", f"<guard>{NAMED}")


def test_names_that_the_profiles_lack_are_printed_as_lines_for_roles(tmp_path: Path) -> None:
    file = tmp_path / "definition.xml"
    file.write_text(NAMES, encoding="utf-8")
    told = objapi("workflows", "import", file, "--data", tmp_path).stderr
    lines = yaml.safe_load(told[told.index("\n\n") :])
    assert lines == {"roles": ["Janitor"], "permissions": {"Shut": {"acquire": False, "roles": ["Manager"]}}}


def test_an_imported_definition_loads_in_a_profile(tmp_path: Path) -> None:
    file = tmp_path / "definition.xml"
    dangling = '<exit-transition transition_id=""/><exit-transition transition_id="gone"/></state>'
    file.write_text(NAMES.replace("</state>", dangling, 1), encoding="utf-8")
    (tmp_path / "ours" / "workflows").mkdir(parents=True)
    (tmp_path / "ours" / "profile.yaml").write_text("extends: [base]\n", encoding="utf-8")
    imported = objapi("workflows", "import", file, "-o", tmp_path / "ours" / "workflows" / "small.yaml")
    assert imported.exit_code == 0
    told = imported.stderr
    (tmp_path / "ours" / "roles.yaml").write_text(told[told.index("\n\n") :], encoding="utf-8")
    checked = objapi("check", tmp_path / "ours")
    assert (checked.exit_code, checked.stdout.startswith("No mistakes: ")) == (0, True), checked.output
    assert "remark: workflow small: no type has it." in checked.stderr


def test_a_profile_is_checked_without_a_site(tmp_path: Path) -> None:
    assert objapi("check", "lims", "mxlive", "ispyb").exit_code == 0
    (tmp_path / "profile.yaml").write_text("extends: [base]\ntitel: Ours\n", encoding="utf-8")
    result = objapi("check", tmp_path)
    assert result.exit_code == 1
    assert "profile.yaml:2: titel" in result.stderr
    assert not list(tmp_path.glob("**/*.sqlite"))


def test_a_broken_definition_is_refused_with_line_and_cause(tmp_path: Path) -> None:
    file = tmp_path / "definition.xml"
    file.write_text("<dc-workflow>\n<state>\n</dc-workflow>", encoding="utf-8")
    result = objapi("workflows", "import", file)
    assert result.exit_code == 1
    assert "line 3" in result.stderr


def test_workflows_of_the_site_are_listed() -> None:
    assert "bika_batch_workflow" in objapi("workflows", "show").stdout
    assert objapi("workflows", "show", "nosuch").exit_code == 1


@pytest.mark.parametrize(("form", "start"), [("yaml", "workflows:"), ("mermaid", "stateDiagram"), ("svg", "<svg")])
def test_a_workflow_of_the_site_is_shown(form: str, start: str) -> None:
    result = objapi("workflows", "show", "bika_batch_workflow", "--format", form)
    assert (result.exit_code, result.stdout.startswith(start)) == (0, True)


def test_settings_are_listed_with_their_defaults() -> None:
    assert "OBJAPI_PORT (default: 8080)" in objapi("settings").stdout


def test_settings_in_force_are_shown_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBJAPI_PORT", "9000")
    monkeypatch.setenv("OBJAPI_ISPYB_TOKEN_KEY", "very secret indeed, 32 characters and more")
    monkeypatch.setenv("OBJAPI_DATABASE_URL", "mysql+pymysql://ada:pass-word@db.example/lab")
    shown_settings = objapi("settings")
    assert shown_settings.exit_code == 0
    assert "OBJAPI_PORT (default: 8080; in force: '9000')" in shown_settings.stdout
    assert "db.example/lab" in shown_settings.stdout
    assert "pass-word" not in shown_settings.output
    assert "very secret" not in shown_settings.output
    assert "Driver of the database: " in shown_settings.stdout
    monkeypatch.setenv("OBJAPI_MARIADB_DRIVER", "pymysql")
    assert "Driver of the database: pymysql." in objapi("settings").stdout
    monkeypatch.setenv("OBJAPI_PORT", "many")
    refused = objapi("settings")
    assert (refused.exit_code, "OBJAPI_PORT: 'many' is not" in refused.stderr) == (1, True)
    assert "OBJAPI_HOST (default: " in refused.stdout


def test_a_sheet_is_checked_written_and_refused(made: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "farms.csv"
    sheet.write_text("UID,ClientID,Name\n,MDW,Meadow\n,RDG,Ridge\n")
    asked = ("bulk", sheet, "--type", "Client", "--in", "/clients", "--data", made)
    trial = objapi(*asked, "--dry-run")
    assert (trial.exit_code, "2 would be created" in trial.stderr) == (0, True)
    done = objapi(*asked)
    assert done.exit_code == 0, done.output
    path = done.stdout.splitlines()[1].split("\t")[2]
    assert done.stdout.splitlines()[1] == f"row 3\tcreate\t{path}\tClientID: '' -> 'RDG', Name: '' -> 'Ridge'"
    assert "0 changed, 2 created, 0 unchanged." in done.stderr
    refused = objapi(*asked)
    assert refused.exit_code == 1
    assert "row 2, column ClientID" in refused.output
    assert "Nothing was done." in refused.output
