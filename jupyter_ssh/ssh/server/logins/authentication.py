"""Decides who may log in, on requests from `ServerAuthentication`."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from jupyter_ssh.ssh.errors import ConfigError, DeadlineExceeded
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.types.security_keys import SecurityKeyPublicKey
from jupyter_ssh.ssh.net.deadline import within
from jupyter_ssh.ssh.net.threads.workers import Workers
from jupyter_ssh.ssh.protocol.events import AuthenticationRequested, QuestionsAnswered
from jupyter_ssh.ssh.protocol.session import ServerSession
from jupyter_ssh.ssh.server.logins.accounts import Account
from jupyter_ssh.ssh.server.logins.file_memory import LoginFiles
from jupyter_ssh.ssh.server.logins.key_logins import Admitted, KeyLogins
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions
from jupyter_ssh.ssh.server.logins.method_progress import MethodProgress
from jupyter_ssh.ssh.server.logins.passwords import MAX_PASSWORD, NewPasswordNeeded
from jupyter_ssh.ssh.server.logins.user_rules import UserRules
from jupyter_ssh.ssh.server.options import (
    KEYBOARD_INTERACTIVE,
    PASSWORD,
    PUBLICKEY,
    TOUCH_REQUIRED,
    VERIFY_REQUIRED,
    PasswordVerdict,
    ServerOptions,
)
from jupyter_ssh.ssh.text import escaped
from jupyter_ssh.ssh.wire import numbers as n

log = logging.getLogger(__name__)

MAX_QUESTION_ROUNDS: Final = 20

KEY_CHECK_SECONDS: Final = 30.0
"""How long the check of a key may take, which reads files."""

_PASSWORD_CHECKS: Final = Workers("jupyter-ssh password check", 8)
"""They may compute, or ask a service in the network that hangs."""


class Authenticator:
    """Authentication of one connection from ``address``.

    ``start`` runs a coroutine as a task of the connection; ``on_authenticated`` is called with the user and the options
    of the key that was used to log in.
    """

    def __init__(
        self,
        session: ServerSession,
        options: ServerOptions,
        account: Account,
        rules: UserRules,
        files: LoginFiles,
        address: str,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        on_authenticated: Callable[[str, KeyOptions], None],
    ) -> None:
        self._session = session
        self._options = options
        self._address = address
        self._start = start
        self._on_authenticated = on_authenticated
        self._rules = rules
        self._progress = MethodProgress(options.method_sequences)
        self._user: str | None = None
        self._failures = 0
        self._none_counts = False
        self._key_options: KeyOptions | None = None
        self._used: set[bytes] = set()
        """The keys already used, if several signatures are required."""
        self._algorithms = frozenset(options.accepted_algorithms)
        self._logins = KeyLogins(options, account, files, address)
        self._readers = files.readers
        self._answers: asyncio.Future[Sequence[str]] | None = None
        self._dialogue: asyncio.Task[None] | None = None
        self._methods: dict[str, Callable[[AuthenticationRequested], None]] = {
            "none": self._none,
            PUBLICKEY: self._publickey,
            PASSWORD: self._password,
            KEYBOARD_INTERACTIVE: self._keyboard_interactive,
        }

    def requested(self, request: AuthenticationRequested) -> None:
        """Handle a request of the client to log in; the answer may come later."""
        if self._dialogue is not None:
            # RFC 4256 §3.1: a new request abandons the questions of the previous one.
            self._dialogue.cancel()
            self._dialogue = None
        # A style, which tells OpenSSH's login.conf(5) how to ask, is no part of the name.  The signature covers it.
        request = replace(request, user=request.user.partition(":")[0])
        if request.user != self._user:
            self._user = request.user
            self._key_options = None
            self._used.clear()
            self._progress.restart()
        method = self._methods.get(request.method)
        if method is None or (request.method != "none" and request.method not in self._progress.methods):
            self._refuse(request)
            return
        method(request)

    def answered(self, event: QuestionsAnswered) -> None:
        """Handle the answers to our questions."""
        if self._answers is not None and not self._answers.done():
            self._answers.set_result(event.answers)

    # --- outcomes -----------------------------------------------------------------------------------------------------

    def _succeed(self, request: AuthenticationRequested, how: str) -> None:
        why = self._barred(request)
        if why is not None:
            self._refuse(request, why=why)
        elif self._progress.done(request.method):
            log.info("accepted %s for %s from %s", how, _printable(request.user), self._address)
            self._on_authenticated(request.user, self._key_options or KeyOptions())
            self._session.authentication.accept()
        else:
            log.info("partly accepted %s for %s from %s", how, _printable(request.user), self._address)
            self._session.authentication.reject(self._progress.methods, partial_success=True)

    def _barred(self, request: AuthenticationRequested) -> str | None:
        """Return why what was proved does not let the user in, or None.

        Asked last: what happens before must not reveal whether the user exists, or may log in."""
        why = self._rules.refusal(request.user, self._address)
        return self._rules.refusal_as_root(request.method, self._key_options) if why is None else why

    def _refuse(self, request: AuthenticationRequested, *, counts: bool = True, why: str | None = None) -> None:
        if not (counts and self._counted(request, why)):
            self._session.authentication.reject(self._progress.methods)

    def _counted(self, request: AuthenticationRequested, why: str | None) -> bool:
        """Count a failure; true when that was the last one, which ends the connection."""
        self._failures += 1
        reason = "" if why is None else f": {escaped(why[:1000])}"
        method, user = _printable(request.method), _printable(request.user)
        log.info("refused %s for %s from %s%s", method, user, self._address, reason)
        if self._failures < self._options.max_auth_tries:
            return False
        self._session.disconnect(n.SSH_DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many authentication failures")
        return True

    # --- methods ------------------------------------------------------------------------------------------------------

    def _none(self, request: AuthenticationRequested) -> None:
        # This is how clients ask for the list of methods (RFC 4252 §5.2); the first time it is not a failure.
        self._refuse(request, counts=self._none_counts)
        self._none_counts = True

    def _publickey(self, request: AuthenticationRequested) -> None:
        self._start(self._check_key(request))

    async def _check_key(self, request: AuthenticationRequested) -> None:
        admitted = await self._admitted(request)
        if self._session.failure is not None:
            return
        if isinstance(admitted, str):
            self._refuse(request, why=admitted)
        elif not request.signed:
            self._session.authentication.key_acceptable()
        else:
            why = self._unproven(request, admitted.options)
            if why is not None:
                self._refuse(request, why=why)
                return
            assert request.key is not None
            self._used.add(plain_key(request.key).blob)
            try:
                merged = admitted.options if self._key_options is None else self._key_options.merged(admitted.options)
            except ValueError as error:
                self._refuse(request, why=str(error))
                return
            self._key_options = merged
            self._succeed(request, admitted.how)

    async def _admitted(self, request: AuthenticationRequested) -> Admitted | str:
        """Return what the key allows if its signature is valid, or why it is not accepted, for the log."""
        key = request.key
        if key is None:
            return request.problem or "no key"
        if request.algorithm not in self._algorithms or request.algorithm not in key.signature_algorithms:
            return f"algorithm {request.algorithm!a} is not accepted"
        if plain_key(key).blob in self._used:
            # sshd_config(5), AuthenticationMethods: each publickey in a sequence requires a different key.
            return "the key was already used"
        try:
            judging = self._readers.run(self._logins.judge, request.user, key)
            admitted = await within(judging, KEY_CHECK_SECONDS, "authentication")
        except DeadlineExceeded:
            log.warning(
                "a key could not be checked within %g s; is one of the files on a disk that hangs?", KEY_CHECK_SECONDS
            )
            return "the check of the key took too long"
        except Exception:
            log.exception("the check of a key failed")
            return "the check of the key failed"
        # Asked only now: the time taken must not reveal whether the user exists.
        return self._rules.refusal(request.user, self._address) or admitted

    def _unproven(self, request: AuthenticationRequested, options: KeyOptions) -> str | None:
        """Return what is wrong with the signature, or None."""
        assert request.key is not None
        if not request.verified:
            return request.problem or "the signature is invalid"
        if not isinstance(plain_key(request.key), SecurityKeyPublicKey):
            return None
        always = self._options.pubkey_auth_options
        if not request.touched and (options.touch_required or TOUCH_REQUIRED in always):
            return "the security key was not touched"
        if not request.user_verified and (options.verify_required or VERIFY_REQUIRED in always):
            return "the security key checked neither a PIN nor a fingerprint"
        return None

    def _password(self, request: AuthenticationRequested) -> None:
        self._start(self._check_password(request))

    async def _check_password(self, request: AuthenticationRequested) -> None:
        old, new = request.password, request.new_password
        check, change = self._options.passwords, self._options.change_password
        verdict: PasswordVerdict = False
        if old and len(old) <= MAX_PASSWORD and len(new or "") <= MAX_PASSWORD:
            if new is None and check is not None:
                verdict = await _decide(check, request.user, old)
            elif new is not None and change is not None:
                verdict = await _decide(change, request.user, old, new)
        if self._session.failure is not None:
            return
        if verdict is True:
            self._succeed(request, "password" if new is None else "a changed password")
        elif isinstance(verdict, NewPasswordNeeded) and change is not None and self._barred(request) is None:
            # A rejected new password counts as an attempt, so that this ends eventually.
            if new is not None and self._counted(request, "the new password was rejected"):
                return
            self._session.authentication.demand_new_password(verdict.prompt)
        else:
            self._refuse(request, why="the password has to be changed" if verdict else None)

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


async def _decide(check: Callable[..., Any], user: str, *passwords: str) -> PasswordVerdict:
    """Call a password check on a thread, as it may compute a hash; an exception in it means refusal."""
    try:
        if inspect.iscoroutinefunction(check):
            result = await check(user, *passwords)
        else:
            result = await _PASSWORD_CHECKS.run(check, user, *passwords)
            if inspect.isawaitable(result):
                result = await result
    except Exception as error:
        # Without the traceback, whose variables contain the password.
        log.error("the password check failed: %s", type(error).__name__)
        return False
    return result if isinstance(result, NewPasswordNeeded) else result is True


def _printable(text: str) -> str:
    """Return what a client sent for the log: quoted, shortened, without control characters."""
    return ascii(text[:64])


def plain_key(key: PublicKey) -> PublicKey:
    """Return the key itself, without a certificate."""
    return key.key if isinstance(key, Certificate) else key
