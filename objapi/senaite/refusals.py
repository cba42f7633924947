"""Refusals in the words of SENAITE: its transitions, and one state where the gateway names that of each workflow."""

import re
from dataclasses import replace
from functools import partial
from typing import Final

from objapi.errors import ApiError
from objapi.model.registry import fold
from objapi.senaite.vocabulary import Vocabulary

_STATES: Final = re.compile(r"\(([\w.-]+: [\w.-]+(?:, [\w.-]+: [\w.-]+)*)\)")


def in_their_words(error: ApiError, vocabulary: Vocabulary) -> ApiError:
    """An error whose message and causes name transitions and states as SENAITE does."""
    message = _restated(error.message, vocabulary)
    causes = [replace(cause, message=_restated(cause.message, vocabulary)) for cause in error.causes]
    if message == error.message and causes == list(error.causes):
        return error
    return error.restated(message, causes)


def _restated(text: str, vocabulary: Vocabulary) -> str:
    text = _STATES.sub(partial(_one_state, vocabulary), text)
    for own, their in vocabulary.dialect.shown_transitions.items():
        # What stands in a path is an id.
        text = re.sub(rf"(?<![\w/.-]){re.escape(own)}(?![\w/-])", their, text)
    return text


def _one_state(vocabulary: Vocabulary, found: re.Match[str]) -> str:
    """The folded state in place of those of the workflows, whose names tell the type."""
    states = dict(pair.split(": ", 1) for pair in found[1].split(", "))
    registry = vocabulary.registry
    for name, entity_type in registry.types.items():
        if tuple(states) == entity_type.workflows:
            values = {workflow.state_variable: states[workflow.id] for workflow in reversed(registry.chain(name))}
            return f"(state {fold(entity_type.folds, values.get)})"
    return found[0]
