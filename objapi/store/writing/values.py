"""Values of objects by name and along paths, in their stored forms."""

import re
import unicodedata
from collections.abc import Callable

from objapi.model.behaviors import Until
from objapi.model.paths import Path, Target
from objapi.model.registry import IndexSource, Registry
from objapi.model.types import EntityType, Field
from objapi.store.instants import from_micros, to_micros, to_text
from objapi.store.writing.draft import Draft

ALWAYS_STALE = 0
"""The `fresh_until` of what every read has to work out."""
_SORTABLE_LENGTH = 70
_NUMBER = re.compile(r"\d+")


class Values:
    """Looks up what an object has under a name: an attribute, a field, a computed field or a workflow variable."""

    def __init__(self, registry: Registry, compute: Callable[[str, Draft], object]) -> None:
        self.registry = registry
        self.compute = compute
        """Runs a computed behaviour by name."""
        self.fresh_until: int | None = None
        """Until when what was worked out holds, as far as it depends on the time; who renders an object resets it."""
        self._folderish = frozenset(name for item in registry.types.values() for name in item.containers)
        self._state_workflows = {name: _variables(registry, name) for name in registry.types}
        self._intrinsic: dict[str, Callable[[Draft], object]] = {
            "id": lambda draft: draft.id,
            "uid": lambda draft: draft.uid,
            "title": self.title,
            "path": lambda draft: draft.path,
            "portal_type": lambda draft: draft.portal_type,
            "type_title": lambda draft: draft.type.title,
            "creator": lambda draft: draft.creator,
            "created": lambda draft: to_text(from_micros(draft.created)),
            "modified": lambda draft: to_text(from_micros(draft.modified)),
            "is_folderish": lambda draft: draft.portal_type in self._folderish,
            "position": lambda draft: draft.created,
            "sortable_title": lambda draft: sortable(self.title(draft)),
            "searchable_text": self.searchable,
        }

    @property
    def intrinsic(self) -> frozenset[str]:
        """The names that every object has."""
        return frozenset(self._intrinsic)

    def value(self, draft: Draft, name: str) -> object:
        """The stored form under a name; None where there is none."""
        intrinsic = self._intrinsic.get(name)
        if intrinsic is not None:
            return intrinsic(draft)
        field = draft.type.fields.get(name)
        if field is not None:
            return self.field_value(draft, field)
        return self.variable(draft, name)

    def field_value(self, draft: Draft, field: Field) -> object:
        """The value of a field: its own, its alias's, that of the object it is kept on, or a computed one."""
        if field.alias_of is not None:
            return self.value(draft, field.alias_of)
        if field.path is not None:
            return self.evaluate(draft, field.path)
        if field.compute is not None:
            return self._computed(field.compute, draft, volatile=field.volatile)
        if field.stored_on is not None:
            keeper = self.keeper(draft, field)
            if keeper is not None:
                return self.value(keeper, field.name)
        return draft.data.get(field.name)

    def keeper(self, draft: Draft, field: Field) -> Draft | None:
        """The object that a field is kept on, when there is one with such a field."""
        if field.stored_on is None:
            return None
        return next(
            (
                other
                for other in draft.workspace.one_step(draft, Target(field.stored_on))
                if field.name in other.type.fields
            ),
            None,
        )

    def variables(self, draft: Draft) -> dict[str, object]:
        """The workflow variables that an object answers, the first workflow of the chain winning a name."""
        return {name: self.variable(draft, name) for name in self._state_workflows[draft.portal_type]}

    def variable(self, draft: Draft, name: str) -> object:
        """One workflow variable; an object that never entered the workflow is in its initial state."""
        found = self._state_workflows[draft.portal_type].get(name)
        if found is None:
            return None
        workflow_id, initial = found
        status = draft.status(workflow_id)
        return initial if status is None else status.get(name)

    def title(self, draft: Draft) -> str:
        """The title, or the id of an object without one."""
        path = draft.type.title_path
        found = draft.data.get("title") if path is None else self.evaluate(draft, path)
        return str(found) if found else draft.id

    def searchable(self, draft: Draft) -> list[str]:
        """What the full-text index of an object holds."""
        texts = [draft.id, self.title(draft)]
        for field in draft.type.fields.values():
            if field.searchable or field.name == "description":
                texts.extend(_texts(self.field_value(draft, field)))
        return texts

    def evaluate(self, draft: Draft, path: Path) -> object:
        """The value at the end of a path; a list when its steps can lead to several objects."""
        multiple = path.multiple or self._many(draft.type, path)
        found: list[object] = []
        for other in draft.workspace.follow(draft, path.steps):
            value = other.uid if path.attribute is None else self.value(other, path.attribute)
            if path.key is not None:
                value = value.get(path.key) if isinstance(value, dict) else None
            if not multiple:
                return value
            found.extend(value if isinstance(value, list) else () if value is None else (value,))
        return list(dict.fromkeys(found)) if multiple else None

    def _many(self, entity_type: EntityType, path: Path) -> bool:
        first = path.steps[0] if path.steps else None
        if not isinstance(first, Target):
            return False
        field = entity_type.fields.get(first.field)
        return field is not None and field.multi

    def index_value(self, draft: Draft, source: IndexSource) -> object:
        """What an index holds for an object, in stored form; None where it is missing."""
        found = source.of(draft.portal_type)
        if found is None:
            return None
        value = self._computed(found, draft) if isinstance(found, str) else self.evaluate(draft, found)
        return value if source.until is None else [value, self.evaluate(draft, source.until)]

    def _computed(self, name: str, draft: Draft, *, volatile: bool = False) -> object:
        found = self.compute(name, draft)
        if isinstance(found, Until):
            if found.instant is not None:
                self._ends_at(to_micros(found.instant))
            return found.value
        if volatile:
            self._ends_at(ALWAYS_STALE)
        return found

    def _ends_at(self, instant: int) -> None:
        self.fresh_until = instant if self.fresh_until is None else min(self.fresh_until, instant)


def sortable(title: str) -> str:
    """A title to sort by: lower case, without accents, numbers filled up with zeros, at most 70 characters."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c)).lower().strip()
    return _NUMBER.sub(lambda match: match[0].zfill(4), plain)[:_SORTABLE_LENGTH]


def _variables(registry: Registry, portal_type: str) -> dict[str, tuple[str, object]]:
    found: dict[str, tuple[str, object]] = {}
    for workflow in registry.chain(portal_type):
        found.setdefault(workflow.state_variable, (workflow.id, workflow.initial_state))
        for variable in workflow.variables.values():
            if variable.for_catalog and variable.for_status:
                found.setdefault(variable.id, (workflow.id, variable.default))
    return found


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    return []
