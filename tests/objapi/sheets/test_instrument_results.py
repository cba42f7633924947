"""Files of instruments: what their lines say, and what is wrong with them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import ApiError, ValidationError
from objapi.model.instrument_files import InstrumentFile
from objapi.sheets.cells import SheetProblems
from objapi.sheets.instrument_results import converted, is_number, read_results
from tests.shipped import load_once

AQ2 = """\
Sample ID,Test,Results,Units,Run
Blank,Calcium AQ,0.01,mg/kg,1
CC Standard,Calcium AQ,10.0,mg/kg,1
AP-0001-R01,Calcium AQ,12.50,mg/kg,1
AP-0001-R01 rep 2,Mg,<0.5,mg/kg,1
AP-0002-R01,Zinc AQ,nd,mg/kg,1
AP-0002-R01,Zn,1.2E-3,ug/kg,1
"""
GENEXPERT = """\
Cartridge;12345
Module;A1

Sample ID;Assay;Test Type;Test Result
QC-1;E. coli;Control;POSITIVE
MK-0001-R01;E. coli;Specimen;NEGATIVE
MK-0002-R01;E. coli;Specimen;INVALID
MK-0003-R01;E. coli;Specimen;Positive
"""
FOSS = """\
Sample Id;Sample Type;Fat %;Protein %;Moisture %
MK-1;Milk;3,85;<0,5;-
Zero;Zero;0,00;0,01;0
MK-2;Milk;-0,01;;1.5
"""


def shape(name: str) -> InstrumentFile:
    return load_once(["lims"]).instrument_files[name]


def read(text: str | bytes, name: str) -> tuple[list[tuple[int, str, str, str, str]], SheetProblems]:
    problems = SheetProblems()
    content = text.encode("cp1252") if isinstance(text, str) else text
    found = read_results(content, shape(name), 1000, problems)
    return [(one.row, one.sample, one.keyword, one.value, one.unit) for one in found], problems


def test_each_shape_is_read() -> None:
    assert read(AQ2, "aq2")[0] == [
        (4, "AP-0001-R01", "Ca", "12.50", "mg/kg"),
        (5, "AP-0001-R01", "Mg", "<0.5", "mg/kg"),
        (7, "AP-0002-R01", "Zn", "0.0012", "ug/kg"),
    ]
    assert read(GENEXPERT, "genexpert")[0] == [
        (6, "MK-0001-R01", "Coli", "0", ""),
        (8, "MK-0003-R01", "Coli", "1", ""),
    ]
    found, problems = read(FOSS, "foss")
    assert found == [
        (2, "MK-1", "Fat", "3.85", "%"),
        (2, "MK-1", "Prot", "<0.5", "%"),
        (4, "MK-2", "Fat", "-0.01", "%"),
    ]
    assert [(cause.row, cause.column) for cause in problems.causes] == [(4, "Moisture %")]


@pytest.mark.parametrize("result", ["1,234", "1.2.3", "=1+1", "about 5", "<", "12 mg", "1e999", "NaN", "inf", "٣"])
def test_what_is_no_number_is_told(result: str) -> None:
    found, problems = read(f'Sample ID,Test,Results,Units\nA,Ca,"{result}",\n'.encode(), "aq2")
    assert found == []
    assert [(cause.row, cause.column) for cause in problems.causes] == [(2, "Results")]


def test_a_file_of_another_instrument_is_refused() -> None:
    with pytest.raises(ValidationError, match="FOSS: any row does not have all of the columns Sample Id"):
        read(AQ2, "foss")


@given(st.binary(max_size=300))
def test_hostile_files_are_refused_or_read(content: bytes) -> None:
    for name in ("aq2", "genexpert", "foss"):
        try:
            read(content, name)
        except ApiError as error:
            assert error.status in (413, 422)


@pytest.mark.parametrize(
    ("value", "factor", "expected"),
    [("12.50", "0.001", "0.0125"), ("<5", "1000", "<5000"), ("-2", "0.5", "-1")],
)
def test_results_are_converted_with_their_sign(value: str, factor: str, expected: str) -> None:
    assert converted(value, Decimal(factor)) == expected
    assert is_number(value)
    assert not is_number("positive")
