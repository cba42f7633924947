"""Names of proposals and sessions in conditions."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objapi.ispyb.values.proposal_names import is_proposal, is_session, proposal_name, session_name
from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Rows

CODES = ("MX", "mx", "M", "", None, "A-1")
NUMBERS = ("1", "12", "2-1", "", None, "X1")


@pytest.fixture
def named(rows: Rows) -> Rows:
    """Proposals with every pair of code and number, each with the sessions 0, 1, 12 and one without a number."""
    person = rows.person("ada")
    for code in CODES:
        for number in NUMBERS:
            key = rows.add(t.Proposal, proposalCode=code, proposalNumber=number, personId=person)
            for visit in (0, 1, 12, None):
                rows.add(t.BLSession, proposalId=key, visit_number=visit, lastUpdate=sa.func.now())
    return rows


WORDS = st.text(alphabet="MXmxA-12", max_size=6)


@given(name=WORDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_a_proposal_is_found_by_what_its_code_and_number_make_together(named: Rows, name: str) -> None:
    with named.engine.connect() as connection:
        every = connection.execute(sa.select(t.Proposal.c.proposalId, proposal_name())).all()
        found = connection.execute(sa.select(t.Proposal.c.proposalId).where(is_proposal(name))).scalars()
        expected = {key for key, known in every if known and known.lower() == name.lower()}
        assert set(found) == expected


@given(name=WORDS, visit=st.sampled_from(["0", "1", "12", "012", "", "x", "99999999999"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_a_session_is_found_by_its_proposal_and_visit(named: Rows, name: str, visit: str) -> None:
    wanted = f"{name}-{visit}"
    joined = sa.select(t.BLSession.c.sessionId, session_name()).join(
        t.Proposal, t.Proposal.c.proposalId == t.BLSession.c.proposalId
    )
    with named.engine.connect() as connection:
        every = connection.execute(joined).all()
        found = {key for key, _ in connection.execute(joined.where(is_session(wanted)))}
        expected = {key for key, known in every if name and known.lower() == wanted.lower()}
        assert found == expected
