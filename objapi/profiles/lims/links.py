"""Links between objects: whose they are, checked whenever one is written."""

from collections.abc import Mapping
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import named, one, text, uid_list, uids

behaviors: Final = Behaviors()

_WITH_CLIENT: Final = ("AnalysisRequest", "Batch", "Invoice")
"""Types whose objects name their client in the field Client."""

_REFERRERS: Final = {
    "Batch": ("back(ARImport.Batch)",),
    "Invoice": ("back(AnalysisRequest.Invoice)", "back(SupplyOrder.Invoice)"),
}
"""Type → the relations to what refers to its objects and is of their client."""


def client_of(planner: Planner, entity: Entity) -> Entity | None:
    """The client that an object belongs to: the one that it names, else the one in which it lies.

    None for what is the laboratory's or open to all clients.
    """
    here: Entity | None = entity
    while here is not None:
        if here.portal_type == "Client":
            return here
        named = one(planner, here, "Client") if here.portal_type in _WITH_CLIENT else None
        if named is not None:
            return named
        here = one(planner, here, "parent")
    return None


@behaviors.add("check", "of_its_client")
def of_its_client(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Refuse a reference from an object of a client to one of another client."""
    client = client_of(planner, entity)
    if client is None:
        return None
    foreign = [
        target
        for target in planner.by_uid(uid_list(value)).values()
        if (owner := client_of(planner, target)) is not None and owner.uid != client.uid
    ]
    if not foreign:
        return None
    return f"{named(planner, foreign)} is not of {text(planner, client, 'title')}; name one that is"


@behaviors.add("check", "client_of_its_links")
def client_of_its_links(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Refuse to give an object a client while a link from or to it leads to another client.

    Links written with the client, those of a new object included, are judged as links are.
    """
    client = client_of(planner, entity)
    if entity.is_new or client is None or value == planner.old_value(entity, field):
        return None
    linked = [
        target
        for name, declared in entity.type.fields.items()
        if "of_its_client" in declared.checks and planner.value(entity, name) == planner.old_value(entity, name)
        for target in planner.by_uid(uids(planner, entity, name)).values()
    ]
    for relation in _REFERRERS.get(entity.portal_type, ()):
        linked.extend(planner.related(entity, relation))
    foreign = [item for item in linked if (owner := client_of(planner, item)) is not None and owner.uid != client.uid]
    if not foreign:
        return None
    return f"{named(planner, foreign)} is linked to it and not of {text(planner, client, 'title')}"


@behaviors.add("check", "keeps_its_client")
def keeps_its_client(planner: Planner, request: Entity, field: str, value: object) -> str | None:
    """A request keeps its client, in which it lies with its sample."""
    if request.is_new or value == planner.old_value(request, field):
        return None
    return "a request keeps its client; make another request for the other client"


@behaviors.add("check", "keeps_a_sample")
def keeps_a_sample(planner: Planner, request: Entity, field: str, value: object) -> str | None:
    """A request may be given another sample, but is never left without one."""
    if value or request.is_new:
        return None
    return "a request is of a sample; name another one of its client"


@behaviors.add("effect", "partitions_follow")
def partitions_follow(planner: Planner, request: Entity, args: Mapping[str, object]) -> None:
    """Move the analyses of a request that was given another sample to the first partition of that sample."""
    partitions = planner.related(request, "Sample.children(SamplePartition)")
    own = {partition.uid for partition in partitions}
    first = next((partition.uid for partition in partitions), None)
    for analysis in planner.related(request, "children(Analysis)"):
        if not own.issuperset(uids(planner, analysis, "SamplePartition")):
            planner.set(analysis, "SamplePartition", first, system=True)


@behaviors.add("check", "client_of_its_requests")
def client_of_its_requests(planner: Planner, batch: Entity, field: str, value: object) -> str | None:
    """A batch of a client holds requests of that client alone, and one made in a client is of that client."""
    folder = one(planner, batch, "parent")
    if folder is not None and folder.portal_type == "Client" and value != folder.uid:
        return f"the batch lies in {folder.path} and is of that client"
    if not value:
        return None
    requests = planner.related(batch, "back(AnalysisRequest.Batch)")
    foreign = [request for request in requests if planner.value(request, "Client") != value]
    return f"the batch holds requests of another client: {named(planner, foreign)}" if foreign else None


@behaviors.add("check", "partition_of_its_sample")
def partition_of_its_sample(planner: Planner, analysis: Entity, field: str, value: object) -> str | None:
    """The partition of an analysis is one of the sample of its request."""
    sample = one(planner, analysis, "parent.Sample")
    if not value or sample is None:
        return None
    own = {partition.uid for partition in planner.related(sample, "children(SamplePartition)")}
    return None if own.issuperset(uids(planner, analysis, field)) else f"the partition is not one of {sample.path}"
