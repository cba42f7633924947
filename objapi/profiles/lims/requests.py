"""Ordering: a request with its sample, partition and analyses, made in one call."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from objapi.errors import Cause, ValidationError
from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.model.types import EntityType
from objapi.profiles.lims.analyses import due_date
from objapi.profiles.lims.reading import flag, is_inactive, one, row_list, rows, state, text, uid_list
from objapi.profiles.lims.samples import first_steps_of_others

behaviors: Final = Behaviors()

ON_BOTH: Final = ("Remarks",)
"""Fields of the request that its new sample gets, too."""
_RANGE: Final = ("min", "max", "error", "hidemin", "hidemax", "rangecomment", "uid")


@behaviors.add("creator", "analysis_request")
def create_request(
    planner: Planner,
    entity_type: EntityType,
    container: Entity | None,
    values: Mapping[str, object],
    asked_id: str | None,
) -> Entity:
    """Make a request in its client, with one analysis for each service.

    A sample and its first partition are made along with it unless an existing sample is named. Everything then takes
    the first steps of its workflow. Raises ValidationError for a sample of another client.
    """
    client = container or planner.by_uid(uid_list(values.get("Client"))).get(str(values.get("Client")))
    if client is None:
        raise _refusal("Client", "a request is made in a client; give Client")
    services = list(planner.by_uid(uid_list(values.get("Services"))).values())
    stored_on_sample = {name for name, field in entity_type.fields.items() if field.stored_on == "Sample"}
    sample = _existing_sample(planner, client, values)
    made = sample is None
    if sample is None:
        own = {name: value for name, value in values.items() if name in stored_on_sample or name in ON_BOTH}
        sample = planner.create("Sample", client, own)
    partition = one(planner, sample, "children(SamplePartition)") or planner.create("SamplePartition", sample, {})
    fields = {name: value for name, value in values.items() if name not in stored_on_sample and name != "Services"}
    sample_type = planner.by_uid(uid_list(planner.value(sample, "SampleType"))).values()
    fields |= {
        "Client": client.uid,
        "Sample": sample.uid,
        "ResultsRange": _ranges(planner, client, sample_type, services, values),
    }
    request = planner.create("AnalysisRequest", client, fields, id=asked_id)
    # A sample made here got these values when it was created; one that existed takes them through the request.
    if not made:
        for name in stored_on_sample & values.keys():
            planner.set(request, name, values[name])
    analyses = [
        planner.create("Analysis", request, {"Service": service.uid, "SamplePartition": partition.uid})
        for service in services
    ]
    for analysis in analyses:
        due_date(planner, analysis, {})
    _first_steps(planner, sample, partition, [*analyses, request])
    return request


def _existing_sample(planner: Planner, client: Entity, values: Mapping[str, object]) -> Entity | None:
    """The sample that a further request is for; a sample of another client is refused."""
    sample = planner.by_uid(uid_list(values.get("Sample"))).get(str(values.get("Sample")))
    if sample is None:
        return None
    owner = one(planner, sample, "parent")
    if owner is None or owner.uid != client.uid:
        raise _refusal(
            "Sample", f"{sample.id} is not a sample of {text(planner, client, 'title')}; name one of its samples"
        )
    return sample


def _refusal(field: str, message: str) -> ValidationError:
    return ValidationError(message, causes=[Cause("field", field, message)])


def _first_steps(planner: Planner, sample: Entity, partition: Entity, ordered: Sequence[Entity]) -> None:
    """Start with or without the sampling step, as the sample says; what was sampled before is not sampled again."""
    fresh = state(planner, sample) in ("sample_registered", "to_be_sampled")
    sampling = flag(planner, sample, "SamplingWorkflowEnabled") and fresh
    transition = "sampling_workflow" if sampling else "no_sampling_workflow"
    for entity in (partition, *ordered):
        if state(planner, entity) == "sample_registered":
            planner.fire(entity, transition, system=True)
    first_steps_of_others(planner, sample, transition)
    if state(planner, sample) == "sample_registered":
        planner.fire(sample, transition, system=True)


def _ranges(
    planner: Planner,
    client: Entity,
    sample_types: Iterable[Entity],
    services: Sequence[Entity],
    values: Mapping[str, object],
) -> list[dict[str, object]]:
    """The ranges of a request, one for each keyword.

    They start from the client's specification for the sample type, else the laboratory's; over it lies the one that
    the request names; over that the rows sent.
    """
    merged: dict[str, dict[str, object]] = {}
    chosen = planner.by_uid(uid_list(values.get("Specification"))).values()
    for spec in (*_standing(planner, client, sample_types), *chosen):
        merged |= {str(row.get("keyword")): row for row in rows(planner, spec, "ResultsRange")}
    known = {text(planner, service, "Keyword"): service.uid for service in services}
    for row in row_list(values.get("ResultsRange")):
        keyword = str(row.get("keyword", "")).strip()
        given = {name: row[name] for name in _RANGE if row.get(name) not in (None, "")}
        merged[keyword] = {**merged.get(keyword, {}), "keyword": keyword, **given}
    for keyword, row in merged.items():
        if not row.get("uid") and keyword in known:
            row["uid"] = known[keyword]
    return [row for keyword, row in merged.items() if keyword]


def _standing(planner: Planner, client: Entity, sample_types: Iterable[Entity]) -> Sequence[Entity]:
    """The default specification of a sample type, as a list of at most one."""
    for sample_type in sample_types:
        specs = [
            spec
            for spec in planner.related(sample_type, "back(AnalysisSpec.SampleType)")
            if not is_inactive(planner, spec)
        ]
        own = [spec for spec in specs if spec.path.startswith(f"{client.path}/")]
        laboratory = [spec for spec in specs if not spec.path.startswith("/clients/")]
        return (own or laboratory)[:1]
    return ()
