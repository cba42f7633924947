"""Many beamlines at once: nothing is lost, and nothing is there twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.objapi.mxlive.signing import new_signer
from tests.objapi.mxlive.station import Station, User, dataset

BEAMLINES = 50
AT_ONCE = 12


def test_fifty_beamlines_working_at_once_lose_nothing(station: Station) -> None:
    lines, users = station.beamlines(BEAMLINES), station.users(BEAMLINES)

    def work(place: int) -> int:
        user, line = users[place], lines[place]
        user.post(f"launch/{line}/week-1/")
        number = user.post(f"data/{line}/", dataset(name=f"set {place}"))["id"]
        assert user.call("GET", f"samples/{line}/").status_code == 404
        assert isinstance(number, int)
        return number

    with ThreadPoolExecutor(AT_ONCE) as pool:
        numbers = list(pool.map(work, range(BEAMLINES)))
    assert len(set(numbers)) == BEAMLINES
    stored = {item["number"]: item for item in station.read("MxData")}
    assert [stored[number]["name"] for number in numbers] == [f"set {place}" for place in range(BEAMLINES)]
    assert all(stored[number]["session"] for number in numbers)
    running = Counter(item["beamline"] for item in station.read("MxSession", review_state="running"))
    assert len(running) == BEAMLINES
    assert set(running.values()) == {1}


def test_launches_of_one_session_at_once_make_one_session_and_one_stretch(
    station: Station, user: User, beamline: str
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: user.post(f"launch/{beamline}/same/"), range(16)))
    assert {answer["session"] for answer in answers} == {"same"}
    sessions = station.read("MxSession", project=user.uid)
    assert len(sessions) == 1
    assert len(station.read("MxStretch", session=sessions[0]["UID"])) == 1


def test_projects_that_launch_at_one_beamline_at_once_leave_one_stretch_open(station: Station, beamline: str) -> None:
    users = station.users(6)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda user: user.post(f"launch/{beamline}/mine/"), users * 3))
    sessions = [item for user in users for item in station.read("MxSession", project=user.uid)]
    assert len(sessions) == len(users)
    stretches = [item for session in sessions for item in station.read("MxStretch", session=session["UID"])]
    assert sum(item["end"] is None for item in stretches) == 1
    assert sum(session["review_state"] == "running" for session in sessions) == 1


def test_keys_that_are_registered_at_once_leave_one(station: Station) -> None:
    user = station.user(registered=False)
    clients = [User(station, user.name, new_signer(), user.uid) for _ in range(6)]

    def register(client: User) -> int:
        form = {"public": client.signer.public}
        url = f"/api/v2/{client.signer.token(client.name)}/project/"
        return station.application.test_client().post(url, data=form).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(register, clients))
    assert sorted(statuses) == [200, 304, 304, 304, 304, 304]
    winner = clients[statuses.index(200)]
    assert station.read("MxProject", username=user.name)[0]["key"] == winner.signer.public
