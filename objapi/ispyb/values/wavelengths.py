"""Photon energies of wavelengths."""

from typing import Final

# Planck's constant times the speed of light, in electronvolts times ångströms (exact by the SI of 2019).
_HC: Final = 12398.419843320026


def energy_of(wavelength: float | None) -> int | None:
    """The energy in electronvolts, rounded, of a wavelength in ångströms; None when there is none."""
    return round(_HC / float(wavelength)) if wavelength else None
