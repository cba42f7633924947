"""What data and report uploads have in common: checked first, then the data proxy is asked, then they are stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from objapi.mxlive.calls import Call
from objapi.mxlive.finding import Found
from objapi.mxlive.messages import Message
from objapi.profiles.mxlive.names import number_in
from objapi.store.requests import ByPath, ByUid, CreateItem, UpdateItem
from objapi.store.transaction import Transaction

LONGEST_DIRECTORY = 4096


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it will be stored; `existing` is the object that it replaces.

    `title` and `description` are what the project's activity says of it.
    """

    portal_type: str
    directory: str
    existing: Found | None
    values: Mapping[str, object]
    title: str
    description: str


def store_upload(call: Call, read: Callable[[Transaction], Upload]) -> dict[str, object]:
    """Store what an upload says, and answer the number by which the client will know it.

    `read` reads and checks it against the database: once before the data proxy is asked for a key of the directory, and
    once when it is stored, since the world may have changed in between.
    """

    def check(tx: Transaction) -> str:
        upload = read(tx)
        _store(tx, call, upload, "", dry_run=True)
        return upload.directory

    def store(tx: Transaction) -> dict[str, object]:
        upload = read(tx)
        object_id = _store(tx, call, upload, key, dry_run=False)
        call.log(tx, "Create", upload.description, (upload.portal_type, object_id, upload.title))
        return {"id": number_in(object_id)}

    key = call.proxy.key_of(call.signed(check, write=False))
    return call.signed(store, write=True)


def _store(tx: Transaction, call: Call, upload: Upload, key: str, *, dry_run: bool) -> str:
    """Create or update; returns the object's id."""
    values = {**upload.values, "url": key}
    if upload.existing is None:
        values = {"project": call.project_path, **values}
        outcome = tx.create([CreateItem(upload.portal_type, ByPath(call.project_path), values)], dry_run=dry_run)
    else:
        outcome = tx.update([UpdateItem(ByUid(str(upload.existing["UID"])), values)], dry_run=dry_run)
    return outcome.entries[0].id


def read_directory(message: Message) -> str:
    """The directory that an upload is about; empty when that is wrong, which is noted."""
    return message.text("directory", most=LONGEST_DIRECTORY, required=True) or ""
