"""Another container or id for an object: path, scope and rights of it and of everything in it follow, in memory."""

from collections.abc import Sequence

from objapi.store.writing.draft import Draft
from objapi.store.writing.workspace import Workspace


def relocate(workspace: Workspace, draft: Draft, container: Draft | None, new_id: str) -> Sequence[Draft]:
    """Put an object into a container under an id; what lies in it, all of which has got another path.

    `container` is None for the root of the site alone.
    """
    below = workspace.load_tree([draft])
    old_path = draft.path
    draft.id = new_id
    workspace.moved(draft, f"{'' if container is None else container.path}/{new_id}")
    for item in below:
        workspace.moved(item, draft.path + item.path[len(old_path) :])
    if container is not None and container.rid != draft.parent_rid:
        workspace.contained(draft, container)
        for item in (draft, *below):
            item.forget_scope()
            item.forget_acl()
            workspace.relocated.add(item.rid)
        workspace.permissions_changed(draft)
    return below
