"""A catalog of one's own, without an index `id`: a read that names no order answers in order of creation."""

from pathlib import Path

import orjson
import pytest

from objapi import upkeep
from objapi.security.principals import command_line_user
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem, Find
from tests.objapi.model.loading.small_profile import write_profile
from tests.objapi.test_upgrade import FILES, WITHOUT_SHELVES, _silent


@pytest.mark.parametrize("order", [None, "descending"])
def test_a_read_without_an_order_works_on_any_catalog(database_url: str, tmp_path: Path, order: str | None) -> None:
    folder = write_profile(tmp_path / "profile", FILES | WITHOUT_SHELVES)
    site = Site.open(
        load_settings({"OBJAPI_DATABASE_URL": database_url, "OBJAPI_PROFILES": str(folder)}, {"data_dir": tmp_path})
    )
    try:
        upkeep.initialise(site, _silent)
        items = [CreateItem("Shelf", ByPath("/"), {"title": f"S{n}", "Label": label}) for n, label in enumerate("cab")]
        for item in items:
            site.run(lambda _: command_line_user(), lambda tx, one=item: tx.create([one]), write=True)
        pages = []
        for offset in range(0, 5, 2):
            find = Find({"portal_type": "Shelf"}, catalog="shelves", offset=offset, size=2, sort_order=order)
            found = site.run(lambda _: command_line_user(), lambda tx, one=find: tx.find(one), write=False)
            assert found.total == 4
            pages += [str(orjson.loads(orjson.dumps(item))["Label"]) for item in found.objects]
        assert pages == ["First", "c", "a", "b"]
    finally:
        site.close()
