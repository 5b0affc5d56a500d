"""Who may log in: decides on what `ServerAuthentication` asks."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from ..crypto.selection import names
from ..errors import ConfigError
from ..keys.base import PublicKey
from ..keys.key_types import SIGNATURE_ALGORITHMS
from ..protocol.events import AuthenticationRequested, QuestionsAnswered
from ..protocol.session import ServerSession
from ..wire import numbers as n
from .accounts import Account
from .authorized_keys import AuthorizedKeys
from .key_options import KeyOptions
from .method_progress import MethodProgress
from .options import KEYBOARD_INTERACTIVE, PASSWORD, PUBLICKEY, ServerOptions
from .passwords import MAX_PASSWORD

log = logging.getLogger(__name__)

MAX_QUESTION_ROUNDS: Final = 20

_ACCEPTED_ALGORITHMS: Final = frozenset(names(SIGNATURE_ALGORITHMS))


class Authenticator:
    """Authentication of one connection from ``address``.

    ``start`` runs a coroutine as a task of the connection's; ``on_authenticated`` is told the user and what the key
    that logged in allows.
    """

    def __init__(
        self,
        session: ServerSession,
        options: ServerOptions,
        account: Account,
        address: str,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        on_authenticated: Callable[[str, KeyOptions], None],
    ) -> None:
        self._session = session
        self._options = options
        self._account = account
        self._address = address
        self._start = start
        self._on_authenticated = on_authenticated
        self._users = frozenset({account.name} if options.users is None else options.users)
        self._progress = MethodProgress(options.method_sequences)
        self._user: str | None = None
        self._failures = 0
        self._none_counts = False
        self._key_options = KeyOptions()
        self._answers: asyncio.Future[Sequence[str]] | None = None
        self._dialogue: asyncio.Task[None] | None = None
        self._methods: dict[str, Callable[[AuthenticationRequested], None]] = {
            "none": self._none,
            PUBLICKEY: self._publickey,
            PASSWORD: self._password,
            KEYBOARD_INTERACTIVE: self._keyboard_interactive,
        }

    def requested(self, request: AuthenticationRequested) -> None:
        """A client asks to be let in; the answer may come later."""
        if self._dialogue is not None:
            # RFC 4256 §3.1: a new request abandons the questions of the last.
            self._dialogue.cancel()
            self._dialogue = None
        if request.user != self._user:
            self._user = request.user
            self._key_options = KeyOptions()
            self._progress.restart()
        method = self._methods.get(request.method)
        if method is None or (request.method != "none" and request.method not in self._progress.methods):
            self._refuse(request)
            return
        method(request)

    def answered(self, event: QuestionsAnswered) -> None:
        """The answers to our questions."""
        if self._answers is not None and not self._answers.done():
            self._answers.set_result(event.answers)

    # --- outcomes -----------------------------------------------------------------------------------------------------

    def _succeed(self, request: AuthenticationRequested, how: str) -> None:
        # Asked only now: whether the name exists must not show in what happens before.
        if request.user not in self._users:
            self._refuse(request)
        elif self._progress.done(request.method):
            log.info("accepted %s for %s from %s", how, _printable(request.user), self._address)
            self._on_authenticated(request.user, self._key_options)
            self._session.authentication.accept()
        else:
            log.info("partly accepted %s for %s from %s", how, _printable(request.user), self._address)
            self._session.authentication.reject(self._progress.methods, partial_success=True)

    def _refuse(self, request: AuthenticationRequested, *, counts: bool = True) -> None:
        if counts:
            self._failures += 1
            log.info("refused %s for %s from %s", _printable(request.method), _printable(request.user), self._address)
        if self._failures >= self._options.max_auth_tries:
            self._session.disconnect(
                n.SSH_DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many authentication failures"
            )
            return
        self._session.authentication.reject(self._progress.methods)

    # --- methods ------------------------------------------------------------------------------------------------------

    def _none(self, request: AuthenticationRequested) -> None:
        # How clients ask for the list (RFC 4252 §5.2): the first time it is no failure.
        self._refuse(request, counts=self._none_counts)
        self._none_counts = True

    def _publickey(self, request: AuthenticationRequested) -> None:
        options = self._find_key(request.key) if request.algorithm in _ACCEPTED_ALGORITHMS else None
        if options is None or request.key is None or request.user not in self._users:
            self._refuse(request)
        elif not request.signed:
            self._session.authentication.key_acceptable()
        elif request.verified and request.touched:
            self._key_options = options
            self._succeed(request, f"key {request.key.fingerprint}")
        else:
            self._refuse(request)

    def _find_key(self, key: PublicKey | None) -> KeyOptions | None:
        if key is None:
            return None
        for path in self._options.key_files:
            found = self._load(path).find(key, self._address, time.time())
            if found is not None:
                return found.options
        return None

    def _load(self, path: Path) -> AuthorizedKeys:
        try:
            keys = AuthorizedKeys.load(path, home=Path(self._account.home), strict_modes=self._options.strict_modes)
        except ConfigError as error:
            log.warning("no key of %s lets anybody in: %s", path, error)
            return AuthorizedKeys()
        for problem in keys.problems:
            log.warning("%s line %d lets nobody in: %s", path, problem.line, problem.why)
        return keys

    def _password(self, request: AuthenticationRequested) -> None:
        self._start(self._check_password(request))

    async def _check_password(self, request: AuthenticationRequested) -> None:
        check = self._options.passwords
        password = request.password
        # A client that wants to change its password (RFC 4252 §8) has not proved anything yet; we change none.
        right = False
        if check is not None and password and len(password) <= MAX_PASSWORD and request.new_password is None:
            right = await _decide(check, request.user, password)
        if self._session.failure is not None:
            return
        if right:
            self._succeed(request, "password")
        else:
            self._refuse(request)

    def _keyboard_interactive(self, request: AuthenticationRequested) -> None:
        self._dialogue = self._start(self._converse(request))

    async def _converse(self, request: AuthenticationRequested) -> None:
        converse = self._options.keyboard_interactive
        rounds = 0

        async def ask(name: str, instruction: str, prompts: Sequence[tuple[str, bool]]) -> Sequence[str]:
            nonlocal rounds
            rounds += 1
            if rounds > MAX_QUESTION_ROUNDS:
                raise ConfigError(f"more than {MAX_QUESTION_ROUNDS} rounds of questions")
            self._answers = asyncio.get_running_loop().create_future()
            self._session.authentication.ask(name, instruction, prompts)
            return await self._answers

        right = False
        try:
            right = converse is not None and bool(await converse(request.user, ask))
        except Exception:
            log.exception("keyboard_interactive failed")
        self._dialogue = None
        if self._session.failure is not None:
            return
        if right:
            self._succeed(request, "keyboard-interactive")
        else:
            self._refuse(request)


async def _decide(check: Callable[[str, str], bool | Awaitable[bool]], user: str, password: str) -> bool:
    """Calls a password check on a thread, as it may hash; what goes wrong in it lets nobody in."""
    try:
        if inspect.iscoroutinefunction(check):
            result = await check(user, password)
        else:
            result = await asyncio.get_running_loop().run_in_executor(None, check, user, password)
            if inspect.isawaitable(result):
                result = await result
    except Exception as error:
        # Without the traceback: its variables hold the password.
        log.error("the password check failed: %s", type(error).__name__)
        return False
    return result is True


def _printable(text: str) -> str:
    """A stranger's text for the log: quoted, short, no control characters."""
    return ascii(text[:64])
