"""The floor of the comparison: the same requests answered by the bare stack, Flask with SQLAlchemy Core and orjson.

One table, one signed cookie; no permissions, types, references, history or catalogs. `python -m benchmarks.floor`
serves it by the gateway's own server program, with the settings that the environment gives.
"""

import os
import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

import orjson
import sqlalchemy as sa
from flask import Flask, Response, request, session
from flask.typing import ResponseReturnValue
from sqlalchemy import bindparam as bound
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url

from benchmarks.dataset import specimen
from objapi.http.metrics import Metrics
from objapi.progress import progress
from objapi.serve import serve
from objapi.settings import Settings, load_settings

_METADATA: Final = sa.MetaData()
_FOLLOWING: Final = {"receive": ("registered", "received"), "reopen": ("received", "registered")}
_CHUNK: Final = 2_000

_documents: Final = sa.Table(
    "documents",
    _METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("uid", sa.String(32), nullable=False, unique=True),
    sa.Column("path", sa.String(100), nullable=False, unique=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    sa.Column("portal_type", sa.String(32), nullable=False),
    sa.Column("review_state", sa.String(32), nullable=False),
    sa.Column("title", sa.String(100), nullable=False),
    sa.Column("created", sa.BigInteger(), nullable=False),
    sa.Column("modified", sa.BigInteger(), nullable=False),
    sa.Column("Remarks", sa.Text(), nullable=False),
    sa.Column("Volume", sa.Integer(), nullable=False),
    sa.Column("Collected", sa.String(40), nullable=False),
    sa.Index("ix_documents_state_id", "portal_type", "review_state", "id"),
    sa.Index("ix_documents_state_title", "portal_type", "review_state", "title"),
)

FIELDS: Final = (
    "uid", "path", "id", "portal_type", "review_state", "title", "created", "Remarks", "Volume", "Collected",
)  # fmt: skip
"""The ten fields that a read answers on either side, under their names here."""

_columns: Final = [_documents.c[name] for name in FIELDS]
_of_state: Final = sa.and_(
    _documents.c.portal_type == bound("portal_type"), _documents.c.review_state == bound("review_state")
)
_pages: Final = {
    name: sa.select(*_columns).where(_of_state).order_by(_documents.c[name]).limit(bound("size")).offset(bound("start"))
    for name in ("id", "title")
}
_count: Final = sa.select(sa.func.count()).select_from(_documents).where(_of_state)
_find: Final = sa.select(*_columns).where(
    _documents.c.portal_type == bound("portal_type"), _documents.c.id == bound("id")
)
_remark: Final = (
    sa.update(_documents)
    .where(_documents.c.path == bound("where"))
    .values(Remarks=bound("text"), modified=bound("now"))
)
_states: Final = sa.select(_documents.c.path, _documents.c.review_state).where(
    _documents.c.path.in_(bound("paths", expanding=True))
)
_move: Final = (
    sa.update(_documents)
    .where(_documents.c.path.in_(bound("paths", expanding=True)))
    .values(review_state=bound("state"), modified=bound("now"))
)
_highest: Final = sa.select(sa.func.max(_documents.c.number))


def create_floor(settings: Settings, _: Metrics) -> Flask:
    """The application, over the database that the settings name."""
    engine = open_floor(settings.database, settings.worker_threads)
    app = Flask("floor", static_folder=None)
    app.secret_key = "of the floor"

    @app.post("/login")
    def login() -> ResponseReturnValue:
        session["user"] = request.form["user"]
        return answer({})

    @app.before_request
    def refuse() -> ResponseReturnValue | None:
        if request.endpoint not in (None, "login") and "user" not in session:
            return Response("{}", status=401)
        return None

    @app.get("/read")
    def read() -> ResponseReturnValue:
        asked = request.args
        criteria = {"portal_type": asked["portal_type"], "review_state": asked["review_state"]}
        start, size = int(asked.get("start", 0)), int(asked.get("size", 10))
        with engine.connect() as connection:
            page = connection.execute(_pages[asked["sort"]], {**criteria, "start": start, "size": size})
            rows = [dict(zip(FIELDS, row, strict=True)) for row in page]
            total = connection.execute(_count, criteria).scalar_one()
        return answer({"total_objects": total, "first_object_nr": start, "objects": rows})

    @app.get("/find")
    def find() -> ResponseReturnValue:
        criteria = {"portal_type": request.args["portal_type"], "id": request.args["id"]}
        with engine.connect() as connection:
            rows = [dict(zip(FIELDS, row, strict=True)) for row in connection.execute(_find, criteria)]
        return answer({"total_objects": len(rows), "objects": rows})

    @app.post("/update")
    def update() -> ResponseReturnValue:
        with engine.begin() as connection:
            connection.execute(_remark, {"where": request.form["path"], "text": request.form["Remarks"], "now": now()})
        return answer({"updated": ["Remarks"]})

    @app.post("/update_many")
    def update_many() -> ResponseReturnValue:
        values = orjson.loads(request.form["input_values"])
        rows = [{"where": path, "text": changes["Remarks"], "now": now()} for path, changes in values.items()]
        with engine.begin() as connection:
            connection.execute(_remark, rows)
        return answer({"updates": list(values)})

    @app.post("/transition")
    def transition() -> ResponseReturnValue:
        paths, (old, new) = orjson.loads(request.form["paths"]), _FOLLOWING[request.form["action"]]
        with engine.begin() as connection:
            found = connection.execute(_states, {"paths": paths}).all()
            if len(found) < len(paths) or any(row.review_state != old for row in found):
                return Response("{}", status=409)
            connection.execute(_move, {"paths": paths, "state": new, "now": now()})
        return answer({"objects": paths})

    @app.post("/create")
    def create() -> ResponseReturnValue:
        with engine.begin() as connection:
            number = connection.execute(_highest).scalar_one() + 1
            row = document(number) | {"title": request.form["title"], "Remarks": request.form["Remarks"]}
            connection.execute(sa.insert(_documents), row)
        return answer({"uid": row["uid"], "path": row["path"]})

    return app


def answer(members: Mapping[str, object]) -> Response:
    """A response that says it succeeded."""
    return Response(orjson.dumps({"success": True, **members}), mimetype="application/json")


def now() -> int:
    """This instant in microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


def document(number: int) -> dict[str, Any]:
    """The row of a specimen."""
    name = f"S-{number:07}"
    return {
        "number": number,
        "uid": uuid.uuid4().hex,
        "path": f"/{name}",
        "id": name,
        "portal_type": "Specimen",
        "review_state": "registered",
        "created": now(),
        "modified": now(),
        **specimen(number),
    }


def open_floor(url: str, threads: int = 1) -> Engine:
    """The engine of the floor: on SQLite as durable as the gateway, on MariaDB by mysqlclient when it is installed."""
    target = _fastest(make_url(url))
    engine = sa.create_engine(target, pool_size=threads, max_overflow=0)
    if target.get_backend_name() == "sqlite":

        @event.listens_for(engine, "connect")
        def set_up(connection: Any, record: Any) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                connection.execute(f"PRAGMA {pragma}").close()

    return engine


def _fastest(url: URL) -> URL:
    """The URL with the fastest driver there is."""
    try:
        import MySQLdb  # noqa: F401, PLC0415
    except ImportError:
        return url
    backend = url.get_backend_name()
    return url if backend == "sqlite" else url.set(drivername=f"{backend}+mysqldb")


def fill_floor(url: str, there: int, wanted: int) -> None:
    """Make the specimens that are missing."""
    engine = open_floor(url)
    _METADATA.create_all(engine)
    with progress(f"Filling the floor to {wanted} specimens", wanted - there) as advance, engine.begin() as connection:
        for first in range(there + 1, wanted + 1, _CHUNK):
            rows = [document(number) for number in range(first, min(first + _CHUNK, wanted + 1))]
            connection.execute(sa.insert(_documents), rows)
            advance(len(rows))
    engine.dispose()


if __name__ == "__main__":
    sys.exit(serve(load_settings(os.environ), lambda: None, application=create_floor))
