"""People, laboratories, groups and permissions, one-time tokens, options and the activity log."""

from catalog.dialect.borrowed import folded_text
from objapi.profiles.ispyb.tables.columns import EXTERNAL_ID, INTEGER, NOW, STAMP, column, key, link, table

Person = table(
    "Person",
    key("personId"),
    link("laboratoryId", "Laboratory.laboratoryId"),
    column("siteId", INTEGER, index=True),
    column("personUUID", folded_text(45)),
    column("familyName", folded_text(100), index=True),
    column("givenName", folded_text(45)),
    column("title", folded_text(45)),
    column("emailAddress", folded_text(60)),
    column("phoneNumber", folded_text(45)),
    column("login", folded_text(45), index=True),
    column("passwd", folded_text(45), optional=True),
    column("faxNumber", folded_text(45)),
    column("recordTimeStamp", STAMP, null=False, default=NOW),
    column("externalId", EXTERNAL_ID, index=True),
    column("cache", folded_text()),
)

Laboratory = table(
    "Laboratory",
    key("laboratoryId"),
    column("laboratoryUUID", folded_text(45)),
    column("name", folded_text(45), index=True),
    column("address", folded_text(255)),
    column("city", folded_text(45)),
    column("country", folded_text(45)),
    column("url", folded_text(255)),
    column("organization", folded_text(45)),
    column("recordTimeStamp", STAMP, null=False, default=NOW),
    column("laboratoryExtPk", INTEGER, index=True, optional=True),
)

UserGroup = table(
    "UserGroup",
    key("userGroupId"),
    column("name", folded_text(31), null=False, unique=True),
)

Permission = table(
    "Permission",
    key("permissionId"),
    column("type", folded_text(15), null=False, index=True),
    column("description", folded_text(100)),
)

UserGroup_has_Permission = table(
    "UserGroup_has_Permission",
    link("userGroupId", "UserGroup.userGroupId", primary_key=True),
    link("permissionId", "Permission.permissionId", primary_key=True, index=True),
)

UserGroup_has_Person = table(
    "UserGroup_has_Person",
    link("userGroupId", "UserGroup.userGroupId", primary_key=True),
    link("personId", "Person.personId", primary_key=True, index=True),
)

SW_onceToken = table(
    "SW_onceToken",
    key("onceTokenId"),
    column("token", folded_text(128), index=True),
    link("personId", "Person.personId"),
    link("proposalId", "Proposal.proposalId"),
    column("validity", folded_text(200)),
    column("recordTimeStamp", STAMP, null=False, default=NOW),
)

AdminVar = table(
    "AdminVar",
    key("varId"),
    column("name", folded_text(32), index=True),
    column("value", folded_text()),
)

AdminActivity = table(
    "AdminActivity",
    key("adminActivityId"),
    column("username", folded_text(45), null=False, default="", index=True),
    column("action", folded_text(45), index=True),
    column("comments", folded_text(100)),
    column("dateTime", STAMP, index=True),
)
