"""A profile whose transitions are set off by whatever changes: crates of bottles, and pallets of crates."""

FILES = {
    "profile.yaml": """
        title: Crates
        extends: [base]
        """,
    "types/base.yaml": """
        base_fields:
          title: {kind: string}
        """,
    "types/crates.yaml": """
        Pallet:
          containers: [Plone Site]
          catalogs: [portal_catalog]
          workflows: [pallet_workflow]
          fields:
            Crates: {kind: reference, targets: [Crate], multi: true}
        Crate:
          containers: [Plone Site]
          catalogs: [portal_catalog]
          workflows: [crate_workflow]
          relations: {bottles: children(Bottle)}
          fields:
            FilledOn: {kind: datetime}
        Bottle:
          containers: [Crate]
          catalogs: [portal_catalog]
          workflows: [bottle_workflow]
          fields:
            Level: {kind: integer}
        Coin:
          containers: [Plone Site]
          catalogs: [portal_catalog]
          workflows: [coin_workflow]
          fields:
            Tossed: {kind: boolean, default: false}
        """,
    "workflows/crates.yaml": """
        workflows:
          pallet_workflow:
            initial_state: waiting
            states: {waiting: {exits: [complete]}, ready: {exits: [reset]}}
            transitions:
              complete:
                to: ready
                automatic: always
                guard:
                  conditions:
                  - {has_related: {relation: Crates}}
                  - {all_related_in: {relation: Crates, variable: review_state, states: [full]}}
              reset: {to: waiting}
          crate_workflow:
            initial_state: open
            states: {open: {exits: [fill]}, full: {exits: [reopen]}}
            transitions:
              fill:
                to: full
                automatic: always
                guard: {conditions: [{related_field_set: {relation: bottles, field: Level}}]}
              reopen:
                to: open
                automatic: always
                guard:
                  conditions:
                  - some_related: {relation: bottles, conditions: [{field_empty: {field: Level}}]}
          bottle_workflow:
            initial_state: new
            states: {new: {exits: [pour]}, poured: {exits: []}}
            transitions: {pour: {to: poured}}
          coin_workflow:
            initial_state: heads
            states: {heads: {exits: [turn]}, tails: {exits: [turn_back]}}
            transitions:
              turn: {to: tails, automatic: always, guard: {conditions: [{field_in: {field: Tossed, values: [true]}}]}}
              turn_back: {to: heads, automatic: always}
        cascades:
        - type: Crate
          after: fill
          do: [{set: FilledOn, value: {now: true}}]
        - type: Bottle
          after: pour
          do: [{set: Level, value: 5}]
        """,
}
