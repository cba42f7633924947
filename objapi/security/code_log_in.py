"""Second step of a log-in: after the password, a code of the authenticator app, or a recovery code.

Between the two the form carries a signed note that the password was right, good for some minutes. Nothing is stored for
it, and it is worth nothing without a code. Codes are throttled like passwords, by user and address.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from itsdangerous import BadData, URLSafeSerializer

from objapi.errors import Unauthorized
from objapi.security.credentials import Credentials
from objapi.security.csrf_tokens import derived_key
from objapi.security.password_check import CodeRequired, LoginFailed, PasswordCheck, begin_checked
from objapi.security.sealing import Seal
from objapi.security.second_factors import use_code
from objapi.security.sessions import NewSession, SessionRules

_NOTE_LIVES: Final = timedelta(minutes=5)
_CLOCK_SKEW: Final = timedelta(minutes=1)
"""Greatest difference between the clocks of two machines that serve one site."""
_PURPOSE: Final = "log-ins in two steps"
# No user has such an id; wrong codes are counted apart from wrong passwords, which a right password makes forgotten.
_LOGIN: Final = "@@code:"


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """Checks the codes of one site, throttled."""

    password_check: PasswordCheck
    seal: Seal | None

    def note(self, required: CodeRequired, now: datetime) -> str:
        """A signed note that the password of a user was right."""
        return self._signer().dumps([required.user_id, required.password_version, int(now.timestamp())])

    def log_in(
        self, note: str, code: str, address: str, now: datetime, rules: SessionRules
    ) -> NewSession | LoginFailed:
        """Begin a session for whoever has a note and gives the right code.

        Raises Unauthorized for a note that is none or too old, and where passwords are not taken, TooManyAttempts, and
        Unavailable when codes of apps cannot be checked.
        """
        self.password_check.require_taken()
        required = self._read(note, now)
        if not self.check(required.user_id, code, address, now):
            return LoginFailed()
        return begin_checked(self.password_check, required.user_id, required.password_version, now, rules)

    def check(self, user_id: str, code: str, address: str, now: datetime) -> bool:
        """Use up a code of a user: true when it was right. Raises TooManyAttempts, and Unavailable as `use_code`."""
        run = self.password_check.run
        # Equal credentials that arrive at once share a check; a code is good once, so each attempt is made unique.
        attempt = Credentials(f"{_LOGIN}{user_id}", secrets.token_hex(16))

        def look(attempt: Credentials) -> bool | None:
            used = run(lambda connection: use_code(connection, user_id, code, self.seal, now), write=True)
            return used or None

        checks = self.password_check.checks
        return bool(checks.check(attempt, address, now, look, kind="code", account=user_id))

    def _read(self, note: str, now: datetime) -> CodeRequired:
        over = Unauthorized("The log-in took too long; begin again.")
        try:
            user_id, version, at = self._signer().loads(note)
        except (BadData, UnicodeEncodeError):
            raise over from None
        if not -_CLOCK_SKEW <= now - datetime.fromtimestamp(at, now.tzinfo) <= _NOTE_LIVES:
            raise over
        return CodeRequired(user_id, version)

    def _signer(self) -> URLSafeSerializer:
        key = self.password_check.run(lambda connection: derived_key(connection, _PURPOSE), write=False)
        return URLSafeSerializer(key, salt=_PURPOSE, signer_kwargs={"key_derivation": "hmac"})
