"""Routes for other applications of a facility: the synchronisation with its user portal."""

import logging
import time
from typing import Any, Final

from objapi.ispyb.auth.caller import principal_of
from objapi.ispyb.subjects.people.schemas import Message
from objapi.ispyb.sync.run import WRITES, synchronise
from objapi.ispyb.sync.schemas import UserPortalProposalSync
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.openapi import json_schema
from objapi.ispyb.wire.response import Later
from objapi.ispyb.wire.routes import ANYBODY, Group, holder

group: Final = Group("Webservices - Used by external applications", switch="enable_webservice_routes")

_PATH: Final = "/webservices/userportalsync/sync_proposal"

_log = logging.getLogger("objapi.ispyb.sync")


@group.post(
    _PATH, access=holder("uportal_sync"), body=UserPortalProposalSync, answer=Message, writes=WRITES, deferred=True
)
def sync_proposal(call: Call) -> Later:
    """Create or update a proposal with everything that hangs on it."""
    started = time.perf_counter()
    database, payload = call.services.database, call.body

    def work() -> dict[str, str]:
        result = synchronise(database, payload, user=principal_of(call.who), source=call.source)
        seconds = round(time.perf_counter() - started, 3)
        _log.info("%s: %s", result.proposal, result)
        return {"message": f"The proposal {result.proposal} has been synchronized in {seconds}"}

    return Later(work)


@group.get(f"{_PATH}/schema", access=ANYBODY)
def read_payload_schema(call: Call) -> dict[str, Any]:
    """The JSON Schema of what the user portal sends."""
    return json_schema(UserPortalProposalSync)
