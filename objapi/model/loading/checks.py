"""Checking that types, catalogs and cascades fit together: every name that one takes from another exists."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from objapi.model.behaviors import Behaviors
from objapi.model.ids import form_paths
from objapi.model.loading.row_rules import check_rows
from objapi.model.loading.tracing import BrokenPath, Tracer
from objapi.model.natural_keys import key_faults
from objapi.model.paths import NamedRelation, Path, PathError
from objapi.model.registry import CatalogDeclaration, IdSettings, IndexSource
from objapi.model.types import EntityType, Field, IdKind, Kind
from workflows import Cascade, FireRelated, RunEffect, SetField, Transition, Workflow
from workflows.declarations import DeclarationProblem, Node, listed, suggestion


@dataclass(frozen=True, slots=True)
class TypeChecker:
    """Check of types against everything declared.

    `nodes` are the declarations of types; `workflows` lacks those with mistakes.
    """

    tracer: Tracer
    behaviors: Behaviors
    workflows: Mapping[str, Workflow]
    workflow_names: Collection[str]
    catalog_names: Collection[str]
    settings_type: EntityType | None
    nodes: Mapping[str, Node]
    problems: list[DeclarationProblem]

    def check(self, entity_type: EntityType) -> None:
        """Note everything about the type that does not fit."""
        for name in sorted(entity_type.containers):
            self._exists(entity_type, "containers", name, self.tracer.types, "type")
        for name in entity_type.workflows:
            self._exists(entity_type, "workflows", name, self.workflow_names, "workflow")
        for name in entity_type.catalogs:
            self._exists(entity_type, "catalogs", name, self.catalog_names, "catalog")
        if entity_type.read_catalog is not None:
            self._exists(entity_type, "read_catalog", entity_type.read_catalog, self.catalog_names, "catalog")
        check_rows(entity_type, self.tracer, self.nodes[entity_type.portal_type], self.problems)
        self._check_title(entity_type)
        self._check_id(entity_type)
        self._check_states(entity_type)
        self._check_relations(entity_type)
        self._check_behaviors(entity_type)
        self._check_login(entity_type)
        for field in entity_type.fields.values():
            self._check_field(entity_type, field, f"fields.{field.name}")
        for field in entity_type.create_parameters.values():
            self._check_field(entity_type, field, f"create_parameters.{field.name}")

    def _note(self, entity_type: EntityType, key: str, message: str, expected: str = "") -> None:
        node = self.nodes[entity_type.portal_type].nearest(key)
        self.problems.append(node.problem(f"{entity_type.portal_type}.{key}", message, expected))

    def _exists(self, entity_type: EntityType, key: str, name: str, known: Collection[str], what: str) -> None:
        if name not in known:
            message = f"there is no {what} {name!r}{suggestion(name, known)}"
            self._note(entity_type, key, message, f"one of {listed(sorted(known))}")

    def _value(self, entity_type: EntityType, key: str, path: Path) -> None:
        try:
            self.tracer.check_value([entity_type.portal_type], path)
        except BrokenPath as error:
            self._note(entity_type, key, f"{path} leads nowhere: {error}", "a path to a value that is declared")

    def _check_title(self, entity_type: EntityType) -> None:
        if entity_type.title_path is not None:
            self._value(entity_type, "title_from", entity_type.title_path)
        elif entity_type.title_required and "title" not in entity_type.fields:
            self._note(entity_type, "title_required", "the type has no field title", "a field title, or title_from")

    def _check_id(self, entity_type: EntityType) -> None:
        rule = entity_type.id_rule
        try:
            paths = form_paths(rule.form)
        except PathError:
            return
        for path in paths:
            self._value(entity_type, "id.form", path)
        for key, name in (("padding_setting", rule.padding_setting), ("start_setting", rule.start_setting)):
            if name is None:
                continue
            fields = {} if self.settings_type is None else self.settings_type.fields
            self._exists(entity_type, f"id.{key}", name, fields, "field of the settings object")
        if rule.kind is IdKind.FROM_TITLE and entity_type.title_path == Path((), "id"):
            self._note(entity_type, "id", "the id comes from the title and the title from the id", "another id rule")

    def _check_states(self, entity_type: EntityType) -> None:
        chain = [self.workflows[name] for name in entity_type.workflows if name in self.workflows]
        by_variable = {workflow.state_variable: workflow for workflow in reversed(chain)}
        for key, declared in (("keep_after", entity_type.keep_after), ("final_states", entity_type.final_states)):
            for variable, states in declared.items():
                if variable not in by_variable:
                    if len(chain) == len(entity_type.workflows):
                        self._exists(entity_type, f"{key}.{variable}", variable, by_variable, "state variable")
                    continue
                for state in states:
                    known = by_variable[variable].states
                    self._exists(entity_type, f"{key}.{variable}", state, known, f"state of {variable}")

        for path in entity_type.out_of_use:
            self._value(entity_type, f"out_of_use.{path}", path)
        if entity_type.expires is not None:
            self._value(entity_type, "expires", entity_type.expires)
        for path in entity_type.scan:
            self._value(entity_type, "scan", path)

    def _check_relations(self, entity_type: EntityType) -> None:
        for name, relation in entity_type.relations.items():
            key = f"relations.{name}"
            if isinstance(relation, NamedRelation):
                self._exists(entity_type, key, relation.name, self.behaviors.relations, "relation behaviour")
                continue
            try:
                self.tracer.follow([entity_type.portal_type], relation.steps)
            except BrokenPath as error:
                self._note(entity_type, key, f"{relation} leads nowhere: {error}", "a path to objects")
        for name, relation_name in entity_type.extra_ids.items():
            try:
                self.tracer.relation(entity_type.portal_type, relation_name)
            except BrokenPath as error:
                message = f"{relation_name} leads nowhere: {error}"
                self._note(entity_type, f"extra_ids.{name}", message, "self, a relation or a path to an object")
        for name, portal_type in entity_type.embed.items():
            if portal_type not in self.tracer.types:
                self._exists(entity_type, f"embed.{name}", portal_type, self.tracer.types, "type")
            elif entity_type.portal_type not in self.tracer.types[portal_type].containers:
                message = f"{entity_type.portal_type} holds no {portal_type}"
                self._note(entity_type, f"embed.{name}", message, "a type that lives in this one")
        if entity_type.container_from is not None:
            self._check_reference(entity_type, "container_from", entity_type.container_from)
        if entity_type.access_from is not None:
            self._check_access(entity_type, entity_type.access_from)

    def _check_access(self, entity_type: EntityType, name: str) -> None:
        """Access follows a reference that the object itself stores, to objects that may hold local roles."""
        field = self._check_reference(entity_type, "access_from", name)
        if field is None:
            return
        if entity_type.scope:
            message = "objects of the type hold local roles of their own"
            self._note(entity_type, "access_from", message, "access_from, or scope: true")
        if field.name not in entity_type.fields or field.alias_of is not None or field.stored_on is not None:
            message = f"{name} is not stored on the object itself"
            self._note(entity_type, "access_from", message, "a reference field of its own")
        for target in field.targets:
            if target in self.tracer.types and not self.tracer.types[target].scope:
                message = f"a {target} holds no local roles that access could follow"
                self._note(entity_type, "access_from", message, f"scope: true in {target}")

    def _check_behaviors(self, entity_type: EntityType) -> None:
        if entity_type.creator is not None:
            self._exists(entity_type, "creator", entity_type.creator, self.behaviors.creators, "creator")
        for key in ("on_create", "on_remove", "on_load"):
            for name in getattr(entity_type, key):
                self._exists(entity_type, key, name, self.behaviors.effects, "effect")

    def _check_login(self, entity_type: EntityType) -> None:
        login = entity_type.login
        if login is None:
            return
        for key, name in (("field", login.field), ("email", login.email)):
            if name is None:
                continue
            known = [item.name for item in entity_type.fields.values() if _is_own_text(item)]
            self._exists(entity_type, f"login.{key}", name, known, "field of one line of text")
        if login.local_roles and entity_type.table is not None:
            message = "rows of a table are in no object on which roles could be granted"
            self._note(entity_type, "login.local_roles", message, "no local roles")

    def _check_field(self, entity_type: EntityType, field: Field, key: str) -> None:
        # Every name first, then what names mean together: an alias or a stored_on is checked against fields that exist.
        for name in field.targets:
            self._exists(entity_type, f"{key}.targets", name, self.tracer.types, "type")
        named: tuple[tuple[str, str | None, Collection[str], str], ...] = (
            ("default_from", field.default_from, self.behaviors.defaults, "default behaviour"),
            ("behavior", field.compute, self.behaviors.computed, "computed behaviour"),
            *(("checks", name, self.behaviors.checks, "check") for name in field.checks),
            *(("on_change", name, self.behaviors.effects, "effect") for name in field.on_change),
        )
        for entry, behavior, table, what in named:
            if behavior is not None:
                self._exists(entity_type, f"{key}.{entry}", behavior, table, what)
        if field.path is not None:
            self._value(entity_type, f"{key}.from", field.path)
        for number, path in enumerate(field.depends or ()):
            self._value(entity_type, f"{key}.depends[{number}]", path)
        if field.copied_from is not None:
            self._value(entity_type, f"{key}.copied_from", field.copied_from)
        if field.alias_of is not None:
            self._check_alias(entity_type, field, key)
        if field.stored_on is not None:
            self._check_stored_on(entity_type, field, field.stored_on, f"{key}.stored_on")
        if field.write_permission_by is not None:
            known = self.tracer.names(entity_type.portal_type)
            self._exists(entity_type, f"{key}.write_permission_by", field.write_permission_by[0], known, "value")
        if field.kind is Kind.REFERENCE and f"{field.name}_uid" in entity_type.fields:
            message = f"the UID of {field.name} is answered under this name"
            self._note(entity_type, f"fields.{field.name}_uid", message, "another name")

    def _check_alias(self, entity_type: EntityType, field: Field, key: str) -> None:
        target = entity_type.fields.get(field.alias_of or "")
        if target is None:
            self._exists(entity_type, f"{key}.alias_of", field.alias_of or "", entity_type.fields, "field")
        elif target.alias_of is not None:
            self._note(entity_type, f"{key}.alias_of", f"{target.name} is itself another name", "the field itself")
        elif target.kind is not field.kind:
            message = f"{target.name} is of kind {target.kind}, not {field.kind}"
            self._note(entity_type, f"{key}.kind", message, "the same kind, or no kind")

    def _check_stored_on(self, entity_type: EntityType, field: Field, name: str, key: str) -> None:
        keeper = self._check_reference(entity_type, key, name)
        if keeper is None:
            return
        kinds = {
            stored.kind
            for target in keeper.targets
            if target in self.tracer.types and (stored := self.tracer.types[target].fields.get(field.name)) is not None
        }
        if not kinds:
            message = f"{listed(keeper.targets)} has no field {field.name!r}"
            self._note(entity_type, key, message, "a reference to a type with a field of the same name")
        elif kinds != {field.kind}:
            found = ", ".join(sorted(kinds))
            self._note(entity_type, key, f"the field is of kind {found} there, and {field.kind} here", "one kind")

    def _check_reference(self, entity_type: EntityType, key: str, name: str) -> Field | None:
        """The single-valued reference field that a key names."""
        field = entity_type.fields.get(name) or entity_type.create_parameters.get(name)
        if field is None or field.kind is not Kind.REFERENCE or field.multi:
            references = (item for item in entity_type.fields.values() if item.kind is Kind.REFERENCE)
            known = [item.name for item in references if not item.multi]
            message = f"there is no single-valued reference field {name!r}{suggestion(name, known)}"
            self._note(entity_type, key, message, f"one of {listed(known)}")
            return None
        return field


def _is_own_text(field: Field) -> bool:
    return field.kind is Kind.STRING and not field.multi and field.alias_of is None and field.stored_on is None


def check_logins(
    types: Iterable[EntityType],
    found_by: Mapping[tuple[str, str], Collection[str]],
    nodes: Mapping[str, Node],
    problems: list[DeclarationProblem],
) -> None:
    """An index finds the person of a user, whatever the type: nobody could else say whose log-in it is."""
    known = {portal_type for of_index in found_by.values() for portal_type in of_index}
    for entity_type in types:
        login, name = entity_type.login, entity_type.portal_type
        if login is not None and name not in known and login.field in entity_type.fields:
            message = f"no catalog of {name} has an index of kind field over {login.field}"
            node = nodes[name].nearest("login")
            problems.append(node.problem(f"{name}.login", message, f"an index with source: {login.field}"))


def check_natural_keys(
    types: Iterable[EntityType],
    catalogs: Mapping[str, CatalogDeclaration],
    nodes: Mapping[str, Node],
    problems: list[DeclarationProblem],
) -> None:
    """Natural keys are made of fields that an index finds."""
    for entity_type in types:
        of_type = [catalogs[name] for name in entity_type.catalogs if name in catalogs]
        for key in entity_type.natural_keys:
            node = nodes[entity_type.portal_type].nearest("natural_keys")
            for message, expected in key_faults(entity_type, key, of_type):
                place = f"{entity_type.portal_type}.natural_keys.{', '.join(key.fields)}"
                problems.append(node.problem(place, message, expected))


def settings_type(
    ids: IdSettings, layout: Collection[Mapping[str, object]], types: Mapping[str, EntityType]
) -> EntityType | None:
    """The type of the object that holds the id settings of a site."""
    made = (str(entry["portal_type"]) for entry in layout if entry["path"] == ids.path)
    return next((types[name] for name in made if name in types), None)


def check_sources(
    catalog: CatalogDeclaration,
    node: Node,
    tracer: Tracer,
    behaviors: Behaviors,
    problems: list[DeclarationProblem],
) -> None:
    """Every index of a catalog has a source that some type in it has, and behaviours that exist."""
    portal_types = tracer.types if catalog.schema.types is None else catalog.schema.types
    for index, source in catalog.sources.items():
        key = f"indexes.{index}"
        for at, message in _faults(source, portal_types, tracer, behaviors):
            place = node.nearest(f"{key}.{at}" if at else key)
            full = f"{catalog.name}.{key}.{at}" if at else f"{catalog.name}.{key}"
            problems.append(
                place.problem(
                    full,
                    message,
                    "a path to a value that some type in the catalog has; for an index that stays empty, sources: {}",
                )
            )


def _faults(
    source: IndexSource, portal_types: Collection[str], tracer: Tracer, behaviors: Behaviors
) -> Iterable[tuple[str, str]]:
    for portal_type, path in source.by_type.items():
        at = f"sources.{portal_type}"
        if portal_type not in tracer.types:
            yield at, f"there is no type {portal_type!r}{suggestion(portal_type, tracer.types)}"
        elif portal_type not in portal_types:
            yield at, f"the catalog does not hold {portal_type}"
        elif isinstance(path, Path):
            yield from _no_value([portal_type], path, at, tracer)
    rest = [name for name in portal_types if name not in source.by_type]
    if isinstance(source.default, Path):
        yield from _no_value(rest, source.default, "source", tracer)
    elif source.default is not None and source.default not in behaviors.computed:
        known = behaviors.computed
        yield "behavior", f"there is no computed behaviour {source.default!r}{suggestion(source.default, known)}"
    if source.until is not None:
        yield from _no_value(rest, source.until, "source", tracer)
    for path in source.depends or ():
        yield from _no_value(rest, path, "depends", tracer)


def _no_value(start: Collection[str], path: Path, at: str, tracer: Tracer) -> Iterable[tuple[str, str]]:
    """A fault unless the path ends in a value for one of the types at least."""
    # Messages look for a name that may have been meant, which takes its time: only the first is made.
    reasons: list[BrokenPath] = []
    for portal_type in sorted(start):
        try:
            tracer.check_value([portal_type], path)
        except BrokenPath as error:
            reasons.append(error)
        else:
            return
    more = f" (and so for {len(reasons) - 1} more types)" if len(reasons) > 1 else ""
    yield at, f"{path} leads nowhere: {reasons[0] if reasons else 'the catalog holds no other type'}{more}"


def check_cascade(
    cascade: Cascade,
    node: Node,
    tracer: Tracer,
    workflows: Mapping[str, Workflow],
    problems: list[DeclarationProblem],
) -> None:
    """The type, the transitions, the relations and the fields that a cascade names exist."""
    start = f"cascades.{cascade.type_name}.{cascade.event or cascade.transition}"

    def note(key: str, message: str, expected: str) -> None:
        problems.append(node.nearest(key).problem(f"{start}.{key}", message, expected))

    if cascade.type_name not in tracer.types:
        message = f"there is no type {cascade.type_name!r}{suggestion(cascade.type_name, tracer.types)}"
        note("type", message, "a declared type")
        return
    if cascade.transition is not None:
        known = _transitions([cascade.type_name], tracer, workflows)
        if cascade.transition not in known:
            message = f"{cascade.type_name} has no transition {cascade.transition!r}"
            note("after", message + suggestion(cascade.transition, known), f"one of {listed(sorted(known))}")
    for number, action in enumerate(cascade.actions):
        if isinstance(action, RunEffect):
            continue
        try:
            reached = tracer.relation(cascade.type_name, action.relation)
        except BrokenPath as error:
            message = f"the relation {action.relation!r} leads nowhere from {cascade.type_name}: {error}"
            note(f"do[{number}].relation", message, listed(["self", *tracer.types[cascade.type_name].relations]))
            continue
        if reached is not None:
            for at, message in _action_faults(action, cascade.type_name, reached, tracer, workflows):
                note(f"do[{number}].{at}", message, "a name that one of the reached types has")


def _action_faults(
    action: FireRelated | SetField,
    moved: str,
    reached: Collection[str],
    tracer: Tracer,
    workflows: Mapping[str, Workflow],
) -> Iterable[tuple[str, str]]:
    names = {name for portal_type in reached for name in tracer.names(portal_type)}
    shown = " or ".join(sorted(reached)[:4])
    if isinstance(action, FireRelated):
        known = _transitions(reached, tracer, workflows)
        if action.transition not in known:
            yield "fire", f"{shown} has no transition {action.transition!r}{suggestion(action.transition, known)}"
        elif all(item.automatic for item in _transitions_named(action.transition, reached, tracer, workflows)):
            yield "fire", f"{action.transition!r} of {shown} is automatic: it happens by itself and cannot be fired"
    else:
        if action.field not in names:
            yield "set", f"{shown} has no field {action.field!r}{suggestion(action.field, names)}"
        if action.value.kind == "field" and action.value.argument not in tracer.names(moved):
            yield "value", f"{moved} has no {action.value.argument!r}{suggestion(action.value.argument, names)}"
    for where in action.where:
        if where.variable not in names:
            yield "where", f"{shown} has no {where.variable!r}{suggestion(where.variable, names)}"


def _transitions_named(
    name: str, types: Iterable[str], tracer: Tracer, workflows: Mapping[str, Workflow]
) -> list[Transition]:
    chains = {chain for portal_type in types for chain in tracer.types[portal_type].workflows}
    found = (workflows[chain].transitions.get(name) for chain in chains if chain in workflows)
    return [item for item in found if item is not None]


def _transitions(types: Iterable[str], tracer: Tracer, workflows: Mapping[str, Workflow]) -> set[str]:
    chains = (name for portal_type in types for name in tracer.types[portal_type].workflows)
    return {transition for name in chains if name in workflows for transition in workflows[name].transitions}
