"""People with their laboratories, groups, permissions and log-ins."""

from objapi.ispyb.values.schema import ListOf, Schema, changes, optional, required, stored
from objapi.ispyb.values.types import BOOL, INSTANT, INT, INT_COLUMN, OBJECT, STAMP, TEXT, short_text

PluginConfig = Schema(
    "PluginConfig",
    {
        "name": required(TEXT),
        "config": required(OBJECT),
    },
)

AuthConfig = Schema(
    "AuthConfig",
    {
        "plugins": required(ListOf(PluginConfig)),
    },
)

Login = Schema(
    "Login",
    {
        "plugin": optional(TEXT),
        "login": optional(TEXT),
        "password": optional(TEXT),
        "token": optional(TEXT),
    },
)

TokenResponse = Schema(
    "TokenResponse",
    {
        "login": required(TEXT),
        "token": required(TEXT),
        "permissions": required(ListOf(TEXT)),
    },
)

CurrentUser = Schema(
    "CurrentUser",
    {
        "givenName": optional(TEXT),
        "familyName": optional(TEXT),
        "login": required(TEXT),
        "Permissions": required(ListOf(TEXT)),
        "personId": required(INT),
        "beamLineGroups": required(ListOf(TEXT)),
        "beamLines": required(ListOf(TEXT)),
    },
)

OneTimeToken = Schema(
    "OneTimeToken",
    {
        "validity": required(TEXT),
        "token": optional(TEXT),
    },
)

PersonMetaData = Schema(
    "PersonMetaData",
    {
        "sessions": optional(INT),
        "lastSession": optional(STAMP),
        "role": optional(TEXT),
        "remote": optional(BOOL),
    },
)

Person = Schema(
    "Person",
    {
        "personId": required(INT),
        "givenName": required(TEXT),
        "familyName": required(TEXT),
        "_metadata": optional(PersonMetaData),
    },
)

UserGroupMetaData = Schema(
    "UserGroupMetaData",
    {
        "permissions": required(INT),
        "people": required(INT),
    },
)

UserGroup = Schema(
    "UserGroup",
    {
        "name": required(TEXT),
        "userGroupId": required(INT),
        "_metadata": required(UserGroupMetaData),
    },
)

NewUserGroup = Schema(
    "NewUserGroup",
    {
        "name": required(short_text(31)),
    },
)

NewUserGroupOptional = changes(
    "NewUserGroupOptional",
    {
        "name": optional(short_text(31)),
    },
)

NewUserGroupPermission = Schema(
    "NewUserGroupPermission",
    {
        "permissionId": required(INT_COLUMN),
    },
)

NewUserGroupPerson = Schema(
    "NewUserGroupPerson",
    {
        "personId": required(INT_COLUMN),
    },
)

Permission = Schema(
    "Permission",
    {
        "type": required(short_text(15)),
        "description": optional(short_text(100)),
        "permissionId": required(INT),
    },
)

NewPermission = Schema(
    "NewPermission",
    {
        "type": required(short_text(15)),
        "description": optional(short_text(100)),
    },
)

NewPermissionOptional = changes(
    "NewPermissionOptional",
    {
        "type": optional(short_text(15)),
        "description": optional(short_text(100)),
    },
)

Laboratory = Schema(
    "Laboratory",
    {
        "name": optional(TEXT, label="Laboratory Name"),
        "address": optional(TEXT),
        "city": optional(TEXT),
        "country": optional(TEXT),
        "url": optional(TEXT),
        "laboratoryExtPk": optional(INT),
        "laboratoryId": required(INT),
        "recordTimeStamp": optional(INSTANT),
    },
)

LaboratoryCreate = Schema(
    "LaboratoryCreate",
    {
        "name": required(short_text(45), label="Laboratory Name"),
        "address": required(short_text(255)),
        "city": required(short_text(45)),
        "country": required(short_text(45)),
        "url": optional(short_text(255)),
        "laboratoryExtPk": optional(INT_COLUMN),
    },
)

LaboratoryCreateOptional = changes(
    "LaboratoryCreateOptional",
    {
        "name": optional(short_text(45)),
        "address": optional(short_text(255)),
        "city": optional(short_text(45)),
        "country": optional(short_text(45)),
        "url": optional(short_text(255)),
    },
)

PersonCreate = Schema(
    "PersonCreate",
    {
        "givenName": required(short_text(45), label="First Name"),
        "familyName": required(short_text(100), label="Surname"),
        "emailAddress": optional(short_text(60)),
        "phoneNumber": optional(short_text(45)),
        "Laboratory": optional(LaboratoryCreate),
    },
)

PersonCreateOptional = changes(
    "PersonCreateOptional",
    {
        "familyName": optional(short_text(100)),
        "emailAddress": optional(short_text(60)),
        "phoneNumber": optional(short_text(45)),
        "Laboratory": optional(LaboratoryCreateOptional),
    },
)

LabContactPerson = Schema(
    "LabContactPerson",
    {
        "givenName": required(TEXT, label="First Name"),
        "familyName": required(TEXT, label="Surname"),
        "emailAddress": optional(TEXT),
        "phoneNumber": optional(TEXT),
        "Laboratory": optional(Laboratory),
    },
)

LabContact = Schema(
    "LabContact",
    {
        "proposalId": required(INT),
        "cardName": required(TEXT),
        "defaultCourrierCompany": optional(TEXT, label="Courrier Company"),
        "courierAccount": optional(TEXT, label="Account No."),
        "billingReference": optional(TEXT),
        "dewarAvgCustomsValue": optional(INT, label="Avg Customs Value"),
        "dewarAvgTransportValue": optional(INT, label="Avg Transport Value"),
        "Person": required(LabContactPerson),
        "labContactId": required(INT),
        "personId": required(INT),
        "recordTimeStamp": stored(INSTANT),
    },
)

LabContactCreate = Schema(
    "LabContactCreate",
    {
        "proposalId": required(INT_COLUMN),
        "cardName": required(short_text(40)),
        "defaultCourrierCompany": optional(short_text(45), label="Courrier Company"),
        "courierAccount": optional(short_text(45), label="Account No."),
        "billingReference": optional(short_text(45)),
        "dewarAvgCustomsValue": optional(INT_COLUMN, label="Avg Customs Value"),
        "dewarAvgTransportValue": optional(INT_COLUMN, label="Avg Transport Value"),
        "Person": required(PersonCreate),
    },
)

LabContactCreateOptional = changes(
    "LabContactCreateOptional",
    {
        "cardName": optional(short_text(40)),
        "defaultCourrierCompany": optional(short_text(45)),
        "courierAccount": optional(short_text(45)),
        "billingReference": optional(short_text(45)),
        "dewarAvgCustomsValue": optional(INT_COLUMN),
        "dewarAvgTransportValue": optional(INT_COLUMN),
        "Person": optional(PersonCreateOptional),
    },
)

Message = Schema(
    "Message",
    {
        "message": required(TEXT),
    },
)
