"""Routes by path and method, and the refusals of those that lead to none."""

from collections.abc import Sequence
from dataclasses import dataclass

from werkzeug import exceptions
from werkzeug.routing import Map, MapAdapter, Rule

from objapi.ispyb.values.errors import Refusal, ResourceNotFound
from objapi.ispyb.wire.routes import IspybRoute


@dataclass(frozen=True, slots=True)
class Matched:
    """A route and the texts of its path's parameters."""

    route: IspybRoute
    path: dict[str, str]


@dataclass(frozen=True, slots=True)
class Moved:
    """A path that exists with the other end: with a slash, or without."""

    path: str


class Routing:
    """Finds routes among those declared."""

    def __init__(self, routes: Sequence[IspybRoute]) -> None:
        self._routes = list(routes)
        rules = [
            # HEAD and OPTIONS are refused like any other method that is not declared.
            _Exact(route.rule, endpoint=place, methods=[route.method])
            for place, route in enumerate(self._routes)
        ]
        self._adapter: MapAdapter = Map(rules, strict_slashes=True, merge_slashes=False, redirect_defaults=False).bind(
            "server"
        )

    def find(self, method: str, path: str) -> Matched | Moved:
        """The route of a decoded path; raises ResourceNotFound (404) and the refusal of a method (405)."""
        try:
            place, values = self._adapter.match(path, method=method)
        except exceptions.MethodNotAllowed as error:
            allowed = ", ".join(sorted(error.valid_methods or ()))
            raise Refusal(405, "Method Not Allowed", {"Allow": allowed}) from None
        except exceptions.HTTPException:
            other = path[:-1] if path.endswith("/") else f"{path}/"
            if self._exists(other):
                return Moved(other)
            raise ResourceNotFound from None
        return Matched(self._routes[place], dict(values))

    def _exists(self, path: str) -> bool:
        try:
            self._adapter.match(path, method="GET")
        except exceptions.MethodNotAllowed:
            return True
        except exceptions.HTTPException:
            return False
        return True


class _Exact(Rule):
    """A rule for exactly the methods it names: Werkzeug adds HEAD to GET."""

    def __init__(self, rule: str, *, endpoint: int, methods: list[str]) -> None:
        super().__init__(rule, endpoint=endpoint, methods=methods)
        self.methods = set(methods)
