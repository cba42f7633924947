"""State machines with guards, variables, permissions and cascades, with the behaviour of DCWorkflow; pure Python, no
database, no web.

A `Workflow` comes from a plain mapping (`declare.load_workflow`), a `definition.xml` (`dcworkflow.read_definition`)
or code. `offers`, `allowed`, `fire` and `enter` work single transitions, `Run` everything that follows from them.
`PlainWorld` is a complete world on plain values, for use as a library and for tests; a store implements `World` and
`Subject` instead.
"""

from workflows.cascades import Cascade, CascadeAction, Cascades, FireRelated, NamedValue, RunEffect, SetField
from workflows.condition import Condition, ConditionFn
from workflows.definition import (
    ConditionCall,
    Guard,
    PermissionSetting,
    State,
    Transition,
    Variable,
    Workflow,
    Worklist,
    usual_variables,
)
from workflows.engine import (
    Offer,
    allowed,
    check_guard,
    enter,
    fire,
    group_grants,
    offers,
    place,
    role_settings,
    state_id,
    state_of,
)
from workflows.errors import (
    AutomaticLoop,
    ConditionArgument,
    DeclarationError,
    DefinitionError,
    NotUserTransition,
    NoWorkflow,
    Problem,
    TransitionNotOffered,
    TransitionRefused,
    UndefinedState,
    UnknownCondition,
    UnknownEffect,
    UnknownInfo,
    UnknownWorkflow,
    WorkflowError,
)
from workflows.expressions import Expression
from workflows.registry import EffectFn, Registry
from workflows.run import Run
from workflows.where import Where
from workflows.world import Context, KeepsHistory, Reason, Step, Subject, Verdict, World

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
    "Guard",
    "KeepsHistory",
    "NamedValue",
    "NoWorkflow",
    "NotUserTransition",
    "Offer",
    "PermissionSetting",
    "Problem",
    "Reason",
    "Registry",
    "Run",
    "RunEffect",
    "SetField",
    "State",
    "Step",
    "Subject",
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
    "Worklist",
    "World",
    "allowed",
    "check_guard",
    "enter",
    "fire",
    "group_grants",
    "offers",
    "place",
    "role_settings",
    "state_id",
    "state_of",
    "usual_variables",
]
