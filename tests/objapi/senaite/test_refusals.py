"""Refusals name transitions and states as clients of SENAITE know them."""

import pytest

from objapi.errors import Cause, TransitionNotAllowed
from objapi.model.dependents import Dependents
from objapi.model.loading import load_registry
from objapi.model.render_shapes import RenderShapes
from objapi.senaite.refusals import in_their_words
from objapi.senaite.vocabulary import Vocabulary

STATES = (
    "bika_analysis_workflow: sample_received, bika_worksheetanalysis_workflow: unassigned, "
    "bika_cancellation_workflow: active"
)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    registry = load_registry(["lims"])
    found = Vocabulary.of(registry, RenderShapes(registry, Dependents(registry)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (
            f"/Plone/clients/client-3/X/Ca ({STATES}) cannot take 'verify'. Allowed now: submit, cancel.",
            "/Plone/clients/client-3/X/Ca (state unassigned) cannot take 'verify'. Allowed now: submit, cancel.",
        ),
        ("not 'retract_ar'. Allowed now: cancel, retract_ar.", "not 'invalidate'. Allowed now: cancel, invalidate."),
        ("/Plone/clients/retract_ar is refused", "/Plone/clients/retract_ar is refused"),
        ("nothing (of the kind: that is known)", "nothing (of the kind: that is known)"),
    ],
    ids=["states", "transition", "path", "other"],
)
def test_words_of_the_gateway_are_those_of_senaite(own: str, theirs: str, vocabulary: Vocabulary) -> None:
    shown = in_their_words(TransitionNotAllowed(own, causes=[Cause("object", "/x", own)]), vocabulary)
    assert shown.message.endswith(theirs)
    assert [cause.message for cause in shown.causes] == [shown.message]
    assert (shown.name, shown.status) == ("TransitionNotAllowed", 409)
