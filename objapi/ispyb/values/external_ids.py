"""Keys of a user portal: integers of up to 128 bits, stored as 16 bytes, the most significant first."""

from objapi.ispyb.values.errors import BadCall
from objapi.profiles.ispyb.tables.columns import EXTERNAL_ID_BYTES


def stored_id(number: int | None) -> bytes | None:
    """A portal's key as it is stored; raises BadCall for one that does not fit."""
    if number is None:
        return None
    try:
        return number.to_bytes(EXTERNAL_ID_BYTES, "big")
    except OverflowError:
        raise BadCall(f"externalId {number} is negative or has more than 128 bits") from None
