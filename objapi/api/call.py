"""One call of a method, as the method sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from objapi.api.parameters import Controls
from objapi.api.wsgi_path import Target
from objapi.errors import BadRequest, Cause
from objapi.http.exchange import Exchange
from objapi.http.visitors import Visitor
from objapi.settings import Settings

Json: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Call:
    """What was called, with which parameters, by way of which URL."""

    settings: Settings
    exchange: Exchange
    target: Target
    controls: Controls
    visitor: Visitor | None = None
    """Who calls; None in a method that is open to all."""
    if_match: str | None = None

    @property
    def tail(self) -> tuple[str, ...]:
        """The segments of the URL behind the method's name."""
        return self.target.rest

    def authenticator(self) -> str | None:
        """A token for the caller, which proves that a later call comes from who has read here."""
        return None if self.visitor is None else self.visitor.token()

    def method_url(self, *segments: str) -> str:
        """The URL of a method of the site's endpoint."""
        return self.exchange.url_of("/".join(("", self.settings.site_id, "@@API", *segments)))

    def unused(self) -> tuple[str, ...]:
        """One warning for each parameter that a method which takes no others has to ignore."""
        return tuple(f"The parameter {name} is unknown here and was ignored." for name in self.controls.rest)

    def refuse_unused(self) -> None:
        """Raise BadRequest that names every parameter the method does not know: who acts must be understood whole."""
        causes = [
            Cause("parameter", name, f"{name} is no parameter of this method.", code="unused")
            for name in self.controls.rest
        ]
        if causes:
            raise BadRequest(" ".join(cause.message for cause in causes), causes=causes)

    def require_text(self, name: str) -> str:
        """A parameter that must be there; raises BadRequest that names it."""
        value = self.controls.text(name)
        if value is None:
            raise missing(name)
        return value

    def with_warnings(self, answer: Json) -> Json:
        """An answer of a method that reads, with what was ignored named in `warnings`."""
        warnings = self.unused()
        return {**answer, "warnings": list(warnings)} if warnings else answer


def missing(name: str) -> BadRequest:
    """The refusal of a call without a parameter that it needs; published clients know the sentence."""
    return BadRequest.of_parameter(name, f"Required field not found in request: {name}")
