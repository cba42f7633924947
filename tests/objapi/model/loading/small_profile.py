"""A small library as a profile: shelves hold books, books name their author."""

from pathlib import Path
from textwrap import dedent

FILES = {
    "profile.yaml": """
        title: Library
        id_settings: {path: /settings, rows: Rows, year: YearInIds}
        variable_aliases: {review_state: state_of_review}
        content: {demo: demo.yaml}
        """,
    "types/base.yaml": """
        base_fields:
          title: {kind: string, searchable: true}
          description: {kind: text}
        """,
    "types/library.yaml": """
        Plone Site: {id: {kind: fixed, form: Plone}, catalogs: [portal_catalog]}
        Settings:
          containers: [Plone Site]
          id: {kind: fixed, form: settings}
          catalogs: [portal_catalog]
          fields:
            Rows: {kind: records, subfields: [portal_type, prefix, separator, padding, sequence_start]}
            YearInIds: {kind: boolean, default: false}
            Padding: {kind: integer, default: 3}
        Shelf:
          title: Shelf
          containers: [Plone Site]
          catalogs: [portal_catalog]
          title_from: Label
          fields:
            Label: {kind: string, required: true}
            title: {alias_of: Label}
            BookCount: {kind: computed, behavior: book_count, depends: [children(Book).id]}
        Author:
          containers: [Plone Site]
          catalogs: [portal_catalog]
          title_required: true
          fields:
            Address: {kind: record, subfields: [city, country]}
        Book:
          containers: [Shelf]
          workflows: [book_workflow]
          catalogs: [portal_catalog]
          add_permission: Add book
          id: {kind: sequence, form: '{Author.title}-{n}', padding: 2, padding_setting: Padding, overridable: false}
          keep_after: {review_state: [here]}
          relations: {shelf: parent, siblings: parent.children(Book), related: {behavior: related_books}}
          extra_ids: {author_id: Author}
          create_parameters: {Copies: {kind: integer, default: 1}}
          permissions: {View: {acquire: false, roles: [Reader]}}
          on_create: [stamp]
          fields:
            Author: {kind: reference, targets: [Author], required: true}
            AuthorTitle: {kind: computed, from: Author.title}
            Sequels: {kind: reference, targets: [Book], multi: true, checks: [no_circle]}
            Price: {kind: fixedpoint, precision: 2, default: 9.5}
            Language: {kind: string, vocabulary: {en: English, de: German}, default: en}
            Bought: {kind: datetime, default_from: now, on_change: [stamp]}
        """,
    "catalogs/main.yaml": """
        portal_catalog:
          title: Main catalog
          indexes:
            UID: {kind: uuid, source: uid}
            id: {kind: field, hot: true}
            portal_type: {kind: field, hot: true}
            review_state: {kind: field}
            Title: {kind: text, source: title}
            getAuthor: {kind: field, sources: {Book: Author.title, Shelf: children(Book).AuthorTitle}}
            city: {kind: field, sources: {Book: Author.Address/city}}
            Price: {kind: field, type: decimal}
            span: {kind: date_range, source: [Bought, modified]}
            count: {kind: field, type: integer, behavior: book_count, depends: [children(Book).id]}
            nothing: {kind: field, sources: {}}
            allowedRolesAndUsers: {kind: keyword, hidden: true}
          returned: [id, Title]
          hot_queries: [[portal_type, review_state, id]]
        aliases:
          books: {catalog: portal_catalog, types: [Book]}
        """,
    "catalogs/uid.yaml": """
        uid_catalog:
          types: all
          indexes:
            UID: {kind: uuid, source: uid}
        """,
    "workflows/books.yaml": """
        workflows:
          book_workflow:
            initial_state: here
            states:
              here: {exits: [lend], permissions: {View: {acquire: true, roles: [Reader]}}}
              lent: {exits: [bring_back]}
            transitions:
              lend: {to: lent, guard: {permissions: [Lend], conditions: [not_damaged, readable]}}
              bring_back: {to: here}
        conditions:
          not_damaged: {not: {field_in: {field: Language, values: [xx]}}, reason: The book is damaged}
        cascades:
        - type: Book
          after: lend
          do:
          - {fire: lend, relation: siblings, where: {review_state: [here]}, attempt: true}
          - {set: Bought, value: {now: true}}
          - {run: stamp}
        """,
    "roles.yaml": """
        roles: [Manager, Reader, Authenticated]
        groups: {Readers: {title: Readers, roles: [Reader]}}
        permissions: {View: {acquire: true, roles: [Authenticated]}}
        by_path: {/settings: {View: {acquire: false, roles: [Manager]}}}
        scoped_roles: [Reader]
        staff_roles: [Manager]
        """,
    "layout.yaml": """
        - {path: /settings, portal_type: Settings, fields: {title: Settings}}
        - {path: /shelf-1, portal_type: Shelf, fields: {Label: First}}
        """,
    "demo.yaml": """
        users:
        - {id: rita, password: secret, groups: [Readers], local_roles: {/shelf-1: [Reader]}}
        objects:
        - path: /shelf-1/book-1
          portal_type: Book
          fields: {Author: {ref: /author-1}, Price: 12.50, Sequels: [{ref: /shelf-1/book-2}], Bought: 2026-03-01}
          states: {book_workflow: lent}
          created: 2026-03-01T09:30:00Z
        - {path: /shelf-1/book-2, portal_type: Book, states: {review_state: here}}
        - {path: /author-1, portal_type: Author, fields: {title: no}}
        """,
    "behaviors.py": """
        from objapi.model.behaviors import Behaviors

        behaviors = Behaviors()


        @behaviors.add("computed", "book_count")
        def book_count(planner, entity):
            return len(planner.related(entity, "children(Book)"))


        @behaviors.add("relation", "related_books")
        def related_books(planner, entity):
            return []


        @behaviors.add("effect", "stamp")
        def stamp(planner, entity, args):
            planner.set(entity, "Bought", "now")


        @behaviors.add("check", "no_circle")
        def no_circle(planner, entity, name, value):
            return None


        @behaviors.add("condition", "readable")
        def readable(planner, entity, args):
            return None


        @behaviors.add("default", "now")
        def now(planner, entity):
            return planner.now
        """,
}


def write_profile(folder: Path, files: dict[str, str]) -> Path:
    """The folder with the files of a profile, their common indentation taken off."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return folder
