"""Checking that types whose workflows have signed transitions can have signatures."""

from collections.abc import Iterable, Mapping

from objapi.model.signed_values import SIGNATURES
from objapi.model.types import EntityType
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Node


def check_signatures(
    types: Iterable[EntityType],
    workflows: Mapping[str, Workflow],
    nodes: Mapping[str, Node],
    problems: list[DeclarationProblem],
) -> None:
    """Note signed transitions of rows of tables, and types of which a field has the name of the signatures."""
    for entity_type in types:
        chain = [workflows[name] for name in entity_type.workflows if name in workflows]
        signed = [workflow.id for workflow in chain if any(item.signature for item in workflow.transitions.values())]
        if not signed:
            continue
        node, name = nodes[entity_type.portal_type], entity_type.portal_type
        if entity_type.table is not None:
            message = (
                f"{', '.join(signed)} has signed transitions, and the objects are rows of a table: other programs "
                "change them, and nobody knows who was the author"
            )
            problems.append(node.nearest("workflows").problem(f"{name}.workflows", message, "a workflow without them"))
        if SIGNATURES in entity_type.fields or SIGNATURES in entity_type.embed:
            place = "fields" if SIGNATURES in entity_type.fields else "embed"
            message = f"{', '.join(signed)} has signed transitions, whose signatures are answered as {SIGNATURES}"
            problems.append(node.nearest(place).problem(f"{name}.{place}.{SIGNATURES}", message, "another name"))
