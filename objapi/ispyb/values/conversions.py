"""Conversions between values of the tables and values of the API."""

from datetime import datetime
from typing import Any, Final

from objapi.ispyb.values.errors import BadCall
from objapi.profiles.ispyb.tables.columns import EXTERNAL_ID_BYTES

# Planck's constant times the speed of light, in electronvolts times ångströms (exact by the SI of 2019).
_HC: Final = 12398.419843320026


def known_time(value: Any) -> datetime | None:
    """A time of the database, or None.

    The zero date, with which some columns of MySQL databases begin, is not a time; drivers give it as text.
    """
    return value if isinstance(value, datetime) else None


def energy_of(wavelength: float | None) -> int | None:
    """The energy in electronvolts, rounded, of a photon's wavelength in ångströms; None when there is none."""
    return round(_HC / float(wavelength)) if wavelength else None


def stored_id(number: int | None) -> bytes | None:
    """Stored form of a user portal's key: an integer of up to 128 bits as 16 bytes, the most significant first.

    Raises BadCall for one that does not fit.
    """
    if number is None:
        return None
    try:
        return number.to_bytes(EXTERNAL_ID_BYTES, "big")
    except OverflowError:
        raise BadCall(f"externalId {number} is negative or has more than 128 bits") from None
