"""`objapi workflows`: read DCWorkflow definitions, show the workflows of the site."""

from pathlib import Path

import click
import yaml

from objapi.cli.common import data_option, settings_from
from objapi.cli.failures import Refused
from objapi.model.loading import known_permissions, load_registry, load_roles
from objapi.model.registry import Roles
from objapi.site_context import profiles_of
from objapi.whole_files import write_whole
from workflows import Workflow, declarable, dump_workflow, mermaid, names_used, read_definition, svg


@click.group()
def workflows() -> None:
    """Read workflow definitions of other systems, show those of the site."""


@workflows.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File to write; else the output.")
@data_option
def import_definition(file: Path, output: Path | None, data_dir: Path | None) -> None:
    """Turn the DCWorkflow definition FILE (a definition.xml) into a declaration for a profile, as YAML.

    What cannot be carried over (scripts, guard expressions, exits that lead nowhere) is named on standard error; a
    guard with such an expression refuses. Roles and permissions that the site's profiles do not declare are printed
    there, too, as lines for the `roles.yaml` of the profile.
    """
    imported = read_definition(file.read_bytes(), source=str(file))
    workflow, left_out = declarable(imported.workflow)
    missing = _lines_for_roles(workflow, load_roles(profiles_of(settings_from(data_dir=data_dir))))
    text = _yaml(workflow)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_whole(output, text)
    for note in imported.notes:
        click.echo(f"{file}, line {note.line}: {note.where}: {note.message}", err=True)
    for text in left_out:
        click.echo(f"{file}: {text}", err=True)
    click.echo(
        f"Read {workflow.id}: {len(workflow.states)} states, {len(workflow.transitions)} transitions, "
        f"{len(imported.notes) + len(left_out)} notes.",
        err=True,
    )
    if missing:
        click.echo(f"Add to the roles.yaml of the profile, with the roles that shall have them:\n\n{missing}", err=True)


def _lines_for_roles(workflow: Workflow, roles: Roles) -> str:
    """Declarations of what a workflow names and the profiles do not declare, as YAML."""
    used = names_used(workflow)
    groups = [name for name in used.groups if name not in roles.groups]
    permissions = [name for name in used.permissions if name not in known_permissions(roles)]
    lines = {
        "roles": [name for name in used.roles if name not in roles.roles],
        "groups": {name: {"roles": []} for name in groups},
        "permissions": {name: {"acquire": False, "roles": ["Manager"]} for name in permissions},
    }
    declared = {key: value for key, value in lines.items() if value}
    return yaml.safe_dump(declared, sort_keys=False, allow_unicode=True, width=110) if declared else ""


@workflows.command("show")
@click.argument("workflow_id", metavar="[ID]", required=False)
@click.option("--format", "form", type=click.Choice(["yaml", "mermaid", "svg"]), default="yaml", show_default=True)
@data_option
def show(workflow_id: str | None, form: str, data_dir: Path | None) -> None:
    """List the workflows of the site's profiles, or show the one with this ID."""
    known = load_registry(profiles_of(settings_from(data_dir=data_dir))).workflows
    if workflow_id is None:
        for name, workflow in sorted(known.items()):
            click.echo(f"{name}\t{workflow.state_variable}\t{len(workflow.states)} states\t{workflow.title}")
        return
    if workflow_id not in known:
        raise Refused(f"There is no workflow {workflow_id!r}; `objapi workflows show` lists those there are.")
    drawn = {"yaml": _yaml, "mermaid": mermaid, "svg": svg}[form]
    click.echo(drawn(known[workflow_id]), nl=False)


def _yaml(workflow: Workflow) -> str:
    declaration = {"workflows": {workflow.id: dump_workflow(workflow)}}
    text: str = yaml.safe_dump(declaration, sort_keys=False, allow_unicode=True, width=110)
    return text
