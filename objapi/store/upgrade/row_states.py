"""Workflow states that the gateway stores for rows of tables, under changed declarations: counted, and moved.

Values of rows are not looked at: other programs write them, and their tables may be of any size.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, func, select

from objapi.model.registry import Registry
from objapi.store.context import SiteContext
from objapi.store.mapped.schema import row_variables
from objapi.store.records import chunks
from objapi.store.upgrade.installing import system_planner
from objapi.store.upgrade.survey import Misfit
from objapi.store.writing.apply_plan import apply_plan
from objapi.store.writing.write_set import compute_write_set
from workflows import Workflow, state_id

NOT_SURVEYED = "Values in tables that other programs write ({types}) were not compared with the declarations."


def row_state_misfits(site: SiteContext, connection: Connection) -> Iterator[Misfit]:
    """States of rows that their workflow does not have, or moves; one statement, which reads an index alone."""
    columns = (row_variables.c.portal_type, row_variables.c.variable, row_variables.c.value)
    statement = select(*columns, func.count(), func.min(row_variables.c.row_key)).group_by(*columns)
    for portal_type, variable, state, number, first in connection.execute(statement):
        workflow = _workflow(site.registry, portal_type, variable)
        if workflow is None or state in workflow.states:
            continue
        subject, uid = f"{variable} of {workflow.id}", site.rows.names.uid(portal_type, first)
        yield Misfit.of_state(portal_type, subject, state, workflow.moved_states.get(state), uid, number)


def not_surveyed(registry: Registry) -> tuple[str, ...]:
    """A line about the rows of tables, whose values no upgrade looks at; none where no type has a table."""
    types = sorted(name for name, item in registry.types.items() if item.table is not None)
    shown = ", ".join(types[:5]) + (f" and {len(types) - 5} more" if len(types) > 5 else "")
    return (NOT_SURVEYED.format(types=shown),) if types else ()


def movable_rows(connection: Connection, registry: Registry) -> list[tuple[str, int]]:
    """Type and key of the rows in states that the declarations move, in order."""
    found: dict[tuple[str, int], None] = {}
    for name, entity_type in registry.types.items():
        for workflow in registry.chain(name) if entity_type.table is not None else ():
            statement = select(row_variables.c.row_key).where(
                row_variables.c.portal_type == name,
                row_variables.c.variable == workflow.state_variable,
                row_variables.c.value.in_(list(workflow.moved_states)),
            )
            if workflow.moved_states:
                found.update(((name, key), None) for key in connection.scalars(statement))
    return sorted(found)


def move_rows(site: SiteContext, connection: Connection, now: datetime, keys: list[tuple[str, int]]) -> None:
    """Move rows to the states that the declarations name, with history; what is gone from its table is left alone."""
    planner = system_planner(site, connection, now)
    connections = planner.workspace.rows.connections
    try:
        for chunk in chunks(keys):
            planner.workspace.load_rids(site.rows.names.rid(name, key) for name, key in chunk)
        for draft in list(planner.workspace.by_rid.values()):
            for workflow in planner.registry.chain(draft.portal_type):
                state = workflow.moved_states.get(state_id(workflow, draft))
                if state is not None:
                    comment = "The state is declared under another name."
                    planner.run.place(draft, state, workflow=workflow, comment=comment)
        apply_plan(planner, compute_write_set(planner))
        for _, outbox in connections.outboxes:
            # No row of the other database is written, so there is no commit there to wait for.
            outbox.write(connection)
        planner.context.write_history()
    finally:
        connections.close()


def _workflow(registry: Registry, portal_type: str, variable: str) -> Workflow | None:
    entity_type = registry.types.get(portal_type)
    chain = registry.chain(portal_type) if entity_type is not None and entity_type.table is not None else ()
    return next((workflow for workflow in chain if workflow.state_variable == variable), None)
