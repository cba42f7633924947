"""Shipments, dewars and containers."""

from objapi.ispyb.values.schema import Schema, changes, optional, required
from objapi.ispyb.values.types import INSTANT, INT, INT_COLUMN, TEXT, enum, short_text

SafetyLevelEnum = enum("SafetyLevelEnum", "GREEN", "YELLOW", "RED")

ShippingLabContactPerson = Schema(
    "ShippingLabContactPerson",
    {
        "givenName": required(TEXT),
        "familyName": required(TEXT),
    },
)

ShippingLabContact = Schema(
    "ShippingLabContact",
    {
        "cardName": required(TEXT),
        "Person": required(ShippingLabContactPerson),
    },
)

ShippingMetaData = Schema(
    "ShippingMetaData",
    {
        "dewars": required(INT),
    },
)

Shipping = Schema(
    "Shipping",
    {
        "proposalId": required(INT),
        "shippingName": required(TEXT, label="Name"),
        "sendingLabContactId": optional(INT, label="Sending Lab Contact"),
        "returnLabContactId": optional(INT, label="Return Lab Contact"),
        "safetyLevel": optional(SafetyLevelEnum),
        "comments": optional(TEXT),
        "shippingId": required(INT),
        "bltimeStamp": optional(INSTANT, label="Created at"),
        "_metadata": optional(ShippingMetaData),
        "LabContact": optional(ShippingLabContact, label="Return Lab Contact"),
        "LabContact1": optional(ShippingLabContact, label="Sending Lab Contact"),
    },
)

ShippingCreate = Schema(
    "ShippingCreate",
    {
        "proposalId": required(INT_COLUMN),
        "shippingName": required(short_text(45), label="Name"),
        "sendingLabContactId": required(INT_COLUMN, label="Sending Lab Contact"),
        "returnLabContactId": required(INT_COLUMN, label="Return Lab Contact"),
        "safetyLevel": optional(SafetyLevelEnum, "GREEN"),
        "comments": optional(short_text(255)),
    },
)

ShippingCreateOptional = changes(
    "ShippingCreateOptional",
    {
        "proposalId": optional(INT_COLUMN),
        "shippingName": optional(short_text(45)),
        "sendingLabContactId": optional(INT_COLUMN),
        "returnLabContactId": optional(INT_COLUMN),
        "safetyLevel": optional(SafetyLevelEnum),
        "comments": optional(short_text(255)),
    },
)

DewarShipping = Schema(
    "DewarShipping",
    {
        "proposalId": required(INT),
        "shippingName": required(TEXT),
    },
)

Dewar = Schema(
    "Dewar",
    {
        "shippingId": required(INT),
        "code": required(TEXT),
        "dewarType": optional(TEXT),
        "dewarId": required(INT),
        "Shipping": required(DewarShipping),
    },
)

DewarCreate = Schema(
    "DewarCreate",
    {
        "shippingId": required(INT_COLUMN),
        "code": required(short_text(45)),
        "dewarType": optional(short_text(45)),
    },
)

DewarCreateOptional = changes(
    "DewarCreateOptional",
    {
        "code": optional(short_text(45)),
        "dewarType": optional(short_text(45)),
    },
)

ContainerDewar = Schema(
    "ContainerDewar",
    {
        "code": required(TEXT),
        "Shipping": required(DewarShipping),
    },
)

Container = Schema(
    "Container",
    {
        "code": required(TEXT),
        "dewarId": required(INT),
        "containerType": required(TEXT),
        "sampleChangerLocation": optional(TEXT),
        "beamlineLocation": optional(TEXT),
        "containerId": required(INT),
        "Dewar": required(ContainerDewar),
    },
)

ContainerCreate = Schema(
    "ContainerCreate",
    {
        "code": required(short_text(45)),
        "dewarId": required(INT_COLUMN),
        "containerType": required(short_text(20)),
        "sampleChangerLocation": optional(short_text(20)),
        "beamlineLocation": optional(short_text(20)),
    },
)

ContainerCreateOptional = changes(
    "ContainerCreateOptional",
    {
        "code": optional(short_text(45)),
        "dewarId": optional(INT_COLUMN),
        "containerType": optional(short_text(20)),
        "sampleChangerLocation": optional(short_text(20)),
        "beamlineLocation": optional(short_text(20)),
    },
)
