"""Options of the installation and the log of their changes."""

from objapi.ispyb.values.schema import ListOf, Schema, changes, optional, required
from objapi.ispyb.values.types import BOOL, INT, STAMP, TEXT

BeamLineGroupBeamLine = Schema(
    "BeamLineGroupBeamLine",
    {
        "beamLineName": required(TEXT),
        "sampleChangerType": optional(TEXT),
        "sampleChangerCapacity": optional(INT),
        "archived": optional(BOOL, False),
    },
)

BeamLineGroup = Schema(
    "BeamLineGroup",
    {
        "groupName": required(TEXT),
        "uiGroup": required(TEXT),
        "permission": required(TEXT),
        "beamLines": optional(ListOf(BeamLineGroupBeamLine), ()),
    },
)

Options = changes(
    "Options",
    {
        "motd": optional(TEXT, "", label="Message of the Day"),
        "beamLineGroups": optional(ListOf(BeamLineGroup), ()),
        "query_debug": optional(BOOL, False, label="Query Debugging"),
        "enable_legacy_routes": optional(BOOL, True, label="Legacy Routes"),
        "enable_webservice_routes": optional(BOOL, True, label="Webservice Routes"),
        "create_person_on_missing": optional(BOOL, False, label="Create Missing Login"),
    },
)

UIOptions = Schema(
    "UIOptions",
    {
        "motd": optional(TEXT, ""),
        "beamLineGroups": optional(ListOf(BeamLineGroup), ()),
    },
)

AdminActivity = Schema(
    "AdminActivity",
    {
        "username": required(TEXT),
        "action": required(TEXT),
        "comments": required(TEXT),
        "dateTime": required(STAMP),
    },
)
