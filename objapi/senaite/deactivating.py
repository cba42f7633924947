"""`delete`: objects are taken out of use, and never removed."""

from collections.abc import Mapping
from typing import Any

from objapi.errors import ApiError, BadRequest, Cause, TransitionNotAllowed
from objapi.senaite.call import SenaiteCall
from objapi.senaite.outcomes import Options, answer_of, failed, told
from objapi.senaite.targets import asked_names, records_of, require_open, require_type, targets_of
from objapi.store.reading.loaded_records import ObjectRecord
from objapi.store.requests import ByUid, Outcome
from objapi.store.transaction import Transaction


def delete(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """Take objects out of use; those that are already are answered as they are."""
    records = records_of(call)
    targets, errors = targets_of(call, tx, records)
    types = {place: target.portal_type for place, target in targets.items()}
    active: dict[int, ObjectRecord] = {}
    for place, target in targets.items():
        try:
            require_type(call, target)
            if not _is_out_of_use(call, tx, target):
                active[place] = target
        except ApiError as error:
            errors[place] = error
    if errors:
        raise failed(call, errors, types, len(records))
    options = Options.of(call)
    outcome: Outcome | None = None
    if active:
        selectors = [ByUid(target.uid) for target in active.values()]
        action = call.vocabulary.dialect.deactivation
        comment = call.sent.text("comment") or ""
        outcome = told(
            call,
            types,
            list(active),
            len(records),
            lambda: tx.transition(selectors, action, comment=comment, dry_run=options.dry_run, with_plan=False),
        )
    uids = list(dict.fromkeys(target.uid for target in targets.values()))
    return answer_of(call, tx, uids, outcome, {}, types, len(records), asked_names(call))


def _is_out_of_use(call: SenaiteCall, tx: Transaction, target: ObjectRecord) -> bool:
    """True for an object that has been deactivated. Raises TransitionNotAllowed where none of the type is."""
    if target.parent is None:
        raise BadRequest("The site itself is not deleted.")
    action = call.vocabulary.dialect.deactivation
    for workflow in call.vocabulary.registry.chain(target.portal_type):
        transition = workflow.transitions.get(action)
        if transition is not None:
            require_open(call, target)
            return target.members.get(workflow.state_variable) == transition.new_state
    (offered,) = tx.offered([ByUid(target.uid)])
    shown = call.vocabulary.dialect.shown_transitions
    others = [shown.get(name, name) for name, _ in offered.transitions]
    hint = " Update it with transition: cancel instead." if "cancel" in others else ""
    message = f"{target.path} cannot be deactivated: a {target.portal_type} has no such state.{hint}"
    raise TransitionNotAllowed(message, causes=[Cause("object", target.path, message)])
