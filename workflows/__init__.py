"""State machines with guards, variables, permissions and cascades, with the behaviour of DCWorkflow.

Pure Python, no database, no web.

A `Workflow` comes from a plain mapping (`declare.load_workflow`), a `definition.xml` (`dcworkflow.read_definition`)
or code. `offers`, `allowed`, `fire` and `enter` work single transitions, `Run` everything that follows from them.
`PlainWorld` is a complete world on plain values, for use as a library and for tests; a store implements `World` and
`Subject` instead.
"""

from workflows.cascades import Cascade, CascadeAction, FireRelated, NamedValue, RunEffect, SetField
from workflows.condition import Condition, ConditionFn, Where
from workflows.dcworkflow import Imported, Note, read_definition
from workflows.declarable import NamesUsed, declarable, names_used
from workflows.declarations import DeclarationProblem as Problem
from workflows.declare import load_workflow
from workflows.declare_cascades import declared_conditions, load_cascades
from workflows.definition import (
    ConditionCall,
    Expression,
    Guard,
    PermissionSetting,
    Signature,
    State,
    Transition,
    Variable,
    Workflow,
    Worklist,
    usual_variables,
)
from workflows.diagram import mermaid, svg
from workflows.dump import dump_workflow
from workflows.engine import Offer, allowed, enter, fire, group_grants, offers, place, role_settings, state_id, state_of
from workflows.errors import (
    AutomaticLoop,
    ConditionArgument,
    DeclarationError,
    DefinitionError,
    UndefinedState,
    UnknownCondition,
    UnknownEffect,
    UnknownInfo,
    UnknownWorkflow,
    WorkflowError,
)
from workflows.guards import check_guard
from workflows.reading import catalog_variables, info
from workflows.refusals import NotUserTransition, NoWorkflow, TransitionNotOffered, TransitionRefused
from workflows.registry import EffectFn, Firing, WorkflowRegistry
from workflows.run import Cascades, Run
from workflows.testing import PlainSubject, PlainUser, PlainWorld
from workflows.worklists import OfferedWorklist, offered_worklists, worklist_query
from workflows.world import Context, KeepsHistory, Reason, Step, StepOrigin, Subject, TakesSignatures, Verdict, World

Registry = WorkflowRegistry
"""The short name of `WorkflowRegistry`, for users of this package alone."""

__all__ = [
    "AutomaticLoop",
    "Cascade",
    "CascadeAction",
    "Cascades",
    "Condition",
    "ConditionArgument",
    "ConditionCall",
    "ConditionFn",
    "Context",
    "DeclarationError",
    "DefinitionError",
    "EffectFn",
    "Expression",
    "FireRelated",
    "Firing",
    "Guard",
    "Imported",
    "KeepsHistory",
    "NamedValue",
    "NamesUsed",
    "NoWorkflow",
    "NotUserTransition",
    "Note",
    "Offer",
    "OfferedWorklist",
    "PermissionSetting",
    "PlainSubject",
    "PlainUser",
    "PlainWorld",
    "Problem",
    "Reason",
    "Registry",
    "Run",
    "RunEffect",
    "SetField",
    "Signature",
    "State",
    "Step",
    "StepOrigin",
    "Subject",
    "TakesSignatures",
    "Transition",
    "TransitionNotOffered",
    "TransitionRefused",
    "UndefinedState",
    "UnknownCondition",
    "UnknownEffect",
    "UnknownInfo",
    "UnknownWorkflow",
    "Variable",
    "Verdict",
    "Where",
    "Workflow",
    "WorkflowError",
    "WorkflowRegistry",
    "Worklist",
    "World",
    "allowed",
    "catalog_variables",
    "check_guard",
    "declarable",
    "declared_conditions",
    "dump_workflow",
    "enter",
    "fire",
    "group_grants",
    "info",
    "load_cascades",
    "load_workflow",
    "mermaid",
    "names_used",
    "offered_worklists",
    "offers",
    "place",
    "read_definition",
    "role_settings",
    "state_id",
    "state_of",
    "svg",
    "usual_variables",
    "worklist_query",
]
