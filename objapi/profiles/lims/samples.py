"""Samples and partitions: disposal, preservation, and sample points that go with sample types."""

from collections.abc import Mapping, Sequence
from typing import Final

from catalog.dates import shifted
from objapi.errors import Conflict
from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.model.types import EntityType
from objapi.model.values import utc_text
from objapi.profiles.lims.reading import flag, is_active, minutes, moment, one, state, uid_list, uids

behaviors: Final = Behaviors()


_WORKFLOW: Final = "bika_sample_workflow"
_DONE: Final = ("expired", "disposed", "rejected")


@behaviors.add("creator", "sample_partition")
def create_partition(
    planner: Planner,
    entity_type: EntityType,
    container: Entity | None,
    values: Mapping[str, object],
    asked_id: str | None,
) -> Entity:
    """Add a partition to a sample, in the sample's state, so that it goes on with it.

    Raises Conflict for a sample that is cancelled or done with.
    """
    if container is None:
        raise Conflict("a partition is made in a sample; give obj_path")
    if not is_active(planner, container):
        raise Conflict(f"{container.path} is cancelled and takes no partitions; reinstate it first")
    reached = state(planner, container)
    if reached in _DONE:
        raise Conflict(f"{container.path} is {reached} and takes no partitions")
    return planner.create(entity_type.portal_type, container, values, id=asked_id, states={_WORKFLOW: reached})


def first_steps_of_others(planner: Planner, sample: Entity, transition: str) -> None:
    """Take partitions along that were registered with a sample and have no analyses yet, of which none waits."""
    for partition in planner.related(sample, "children(SamplePartition)"):
        if state(planner, partition) == "sample_registered":
            planner.fire(partition, transition, system=True)
            # Whether it is preserved is decided once there are analyses, and it may never get any.
            if state(planner, partition) == "sampled":
                waits = _is_to_be_preserved(planner, partition)
                planner.fire(partition, "to_be_preserved" if waits else "sample_due", system=True)


@behaviors.add("computed", "partition_disposal")
def partition_disposal(planner: Planner, partition: Entity) -> object:
    """Disposal date of a partition: sampling plus the retention of its preservation, else of its sample type."""
    sample = one(planner, partition, "parent")
    sampled = None if sample is None else moment(planner, sample, "DateSampled")
    if sampled is None:
        return None
    for relation in ("Preservation", "parent.SampleType"):
        keeper = one(planner, partition, relation)
        retention = 0 if keeper is None else minutes(planner.value(keeper, "RetentionPeriod"))
        if retention:
            return utc_text(shifted(sampled, minutes=retention))
    return None


@behaviors.add("computed", "latest_disposal")
def latest_disposal(planner: Planner, sample: Entity) -> object:
    """Disposal date of a sample: that of its last partition."""
    partitions = planner.related(sample, "children(SamplePartition)")
    dates = [
        date for date in (moment(planner, partition, "DisposalDate") for partition in partitions) if date is not None
    ]
    return utc_text(max(dates)) if dates else None


def _partitions(planner: Planner, entity: Entity) -> Sequence[Entity]:
    """The partitions that decide how an object goes on."""
    match entity.portal_type:
        case "SamplePartition":
            return (entity,)
        case "Sample":
            return planner.related(entity, "children(SamplePartition)")
        case "AnalysisRequest":
            return planner.related(entity, "Sample.children(SamplePartition)")
    return planner.related(entity, "SamplePartition")


def _has_analyses(planner: Planner, entity: Entity) -> bool:
    match entity.portal_type:
        case "SamplePartition":
            return bool(planner.related(entity, "back(Analysis.SamplePartition)"))
        case "Sample":
            return bool(planner.related(entity, "back(AnalysisRequest.Sample).children(Analysis)"))
        case "AnalysisRequest":
            return bool(planner.related(entity, "children(Analysis)"))
    return True


def _needs_preservation(planner: Planner, entity: Entity) -> bool | None:
    """Check whether the first partition that names a preservation still has to be preserved; None while undecided."""
    partitions = _partitions(planner, entity)
    if not partitions or not _has_analyses(planner, entity):
        return None
    for partition in partitions:
        if planner.value(partition, "Preservation"):
            return _is_to_be_preserved(planner, partition)
    return False


def _is_to_be_preserved(planner: Planner, partition: Entity) -> bool:
    """True for a partition that names a preservation which its container does not bring along."""
    container = one(planner, partition, "Container")
    return bool(planner.value(partition, "Preservation")) and not (
        container is not None and flag(planner, container, "PrePreserved")
    )


_UNDECIDED: Final = "it has no partitions or no analyses yet, so how it is preserved is not known; add them first"


@behaviors.add("condition", "preservation_needed")
def preservation_needed(planner: Planner, entity: Entity, args: Mapping[str, object]) -> str | None:
    """Its partition names a preservation, and the container does not bring it along."""
    match _needs_preservation(planner, entity):
        case None:
            return _UNDECIDED
        case False:
            return "nothing has to be preserved; set Preservation of a partition if it has to"
    return None


@behaviors.add("condition", "preservation_not_needed")
def preservation_not_needed(planner: Planner, entity: Entity, args: Mapping[str, object]) -> str | None:
    """No partition waits to be preserved."""
    match _needs_preservation(planner, entity):
        case None:
            return _UNDECIDED
        case True:
            return "a partition has to be preserved first"
    return None


def _others(planner: Planner, partition: Entity, state_of_cancellation: str) -> bool:
    """True when another partition of the sample is in a state of cancellation."""
    siblings = planner.related(partition, "siblings")
    return any(
        other.uid != partition.uid and state(planner, other, "cancellation_state") == state_of_cancellation
        for other in siblings
    )


@behaviors.add("condition", "other_partition_active")
def other_partition_active(planner: Planner, partition: Entity, args: Mapping[str, object]) -> str | None:
    """Another partition is left when this one is cancelled, so the sample stays."""
    return None if _others(planner, partition, "active") else "it is the last active partition of its sample"


@behaviors.add("condition", "other_partition_cancelled")
def other_partition_cancelled(planner: Planner, partition: Entity, args: Mapping[str, object]) -> str | None:
    """Another partition stays cancelled when this one is reinstated, so the sample does, too."""
    return None if _others(planner, partition, "cancelled") else "it is the last cancelled partition of its sample"


@behaviors.add("effect", "sample_types_in_step")
def sample_types_in_step(planner: Planner, point: Entity, args: Mapping[str, object]) -> None:
    """A sample point that gains or loses a sample type appears in it or leaves it."""
    _in_step(planner, point, "SampleTypes", "SamplePoints")


@behaviors.add("effect", "sample_points_in_step")
def sample_points_in_step(planner: Planner, sample_type: Entity, args: Mapping[str, object]) -> None:
    """A sample type that gains or loses a sample point appears in it or leaves it."""
    _in_step(planner, sample_type, "SamplePoints", "SampleTypes")


def _in_step(planner: Planner, entity: Entity, own: str, other: str) -> None:
    new, old = uids(planner, entity, own), uid_list(planner.old_value(entity, own))
    changed = set(new) ^ set(old)
    for partner in planner.by_uid(sorted(changed)).values():
        listed = uids(planner, partner, other)
        wanted = [uid for uid in listed if uid != entity.uid]
        if partner.uid in new:
            wanted = listed if entity.uid in listed else [*listed, entity.uid]
        # A client says what is taken at its own sample points; it does not change the laboratory's sample types.
        if wanted != listed and planner.can(partner, "Modify portal content"):
            planner.set(partner, other, wanted)
