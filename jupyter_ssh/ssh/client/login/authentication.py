"""Logging in: which methods and keys are tried, in which order, and what is asked (RFC 4252; ssh_config(5)).

The server's list of methods drives the loop: after a partial success it continues with what the server then requires.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from jupyter_ssh.ssh.client.login.agent import LoginAgent
from jupyter_ssh.ssh.client.login.handshake import Handshake, described
from jupyter_ssh.ssh.client.login.identities import FileSigner, Identity, Signer, attempts_told, collect
from jupyter_ssh.ssh.client.login.server_text import prefixed, prefixed_question
from jupyter_ssh.ssh.client.login.settings import signature_algorithms
from jupyter_ssh.ssh.client.login.signatures import Choice, choose
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.client.report.progress import Progress, Step
from jupyter_ssh.ssh.client.report.surfaces import surface
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import (
    AuthenticationError,
    CertificateError,
    ConnectionLost,
    DisconnectedByPeer,
    KeyFileError,
    KeyFormatError,
    PromptUnavailable,
    ProtocolError,
    SSHError,
    WrongPassphrase,
)
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.check import check_validity
from jupyter_ssh.ssh.keys.files.reading import KeyFile
from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.extensions import SIGNATURES
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.text import escaped, printable

PHASE: Final = "authentication"

REFUSED: Final = "refused"

WOULD_ACCEPT: Final = "would be accepted"

_NOT_TRIED: Final = "not tried: "

EXAMINED_REFUSALS: Final = 4
"""Refusals after which no more keys are asked about: the server counts each as a failure (OpenSSH allows 6), and a
password may have to follow."""

METHODS: Final = ("publickey", "keyboard-interactive", "password")
"""The methods we support, in OpenSSH's order of preference."""

MAX_REQUESTS: Final = 256
"""Requests before we give up on a server that is never satisfied."""

MOST_SHOWN: Final = 16
"""Attempts that an error lists, the first and the last ones: an agent may hold a thousand keys."""

PASSPHRASE_ATTEMPTS: Final = 3

NEW_PASSWORDS: Final = 3
"""New passwords a server may reject before we give up."""


class ClientLogin:
    """One login; `run` returns once the user is logged in, or raises `AuthenticationError`."""

    def __init__(
        self,
        session: ClientSession,
        handshake: Handshake,
        options: Options,
        prompts: Prompts,
        *,
        password: str | None,
        keys: Sequence[PrivateKey],
        secrets_allowed: bool,
        agent: LoginAgent | None = None,
        progress: Progress | None = None,
        examine: bool = False,
    ) -> None:
        self._progress = progress or Progress()
        self._examine = examine
        """Whether to ask the server about each key before one is used."""
        self._acceptable: list[Identity] = []
        self._session = session
        self._auth = session.authentication
        self._handshake = handshake
        self._options = options
        self._prompts = prompts
        self._password = password
        self._given_to: set[str] = set()
        """Methods that the given password was tried with."""
        self._secrets_allowed = secrets_allowed
        self._destination = f"{options.user}@{options.host}"
        self._asker = f"{options.user}@{options.host_key_alias or options.host}"
        """Who asks, as in OpenSSH."""
        self._keys = keys
        self._named_keys = bool(keys) or (options.given("identity_file") and bool(options.identity_file))
        self._agent = agent
        self._identities: list[Identity] | None = None
        """Those not tried yet; None until the first is needed."""
        self._refused_identities: list[Identity] = []
        self._under_way: tuple[str, str] | None = None
        """Method and offer of the request whose answer is pending."""
        self._left = {"password": options.number_of_password_prompts, "keyboard-interactive": 0}
        self._left["keyboard-interactive"] = options.number_of_password_prompts
        self._requests = 0
        self._requests_told = False
        self._advice: str | None = None
        self.attempts: list[tuple[str, str, str]] = []
        """(method, what was offered, outcome) of each try, and of what could not be tried."""
        self._left_out: set[int] = set()
        """Places in ``attempts`` of those for which nothing was sent."""
        self.methods: list[str] = []
        """The methods that succeeded, in order."""
        self.key_fingerprint: str | None = None
        """The fingerprint of the key that was used to log in, if one was."""

    async def run(self) -> None:
        """Log in; raises `AuthenticationError`, `DeadlineExceeded`, or why the session ended."""
        try:
            await self._run()
            for identity in (self._identities or ()) if self._examine else ():
                if identity not in self._acceptable:
                    self._progress.tried("publickey", identity.label, identity.problem or "not asked about")
        except DisconnectedByPeer as error:
            raise self._cut_off(error, error.received or error.message) from error
        except ConnectionLost as error:
            # After too many failures some servers close the connection without a message (Dropbear).
            if not any(outcome == REFUSED for _, _, outcome in self.attempts):
                raise
            raise self._cut_off(error, error.message) from error

    def _cut_off(self, error: SSHError, reason: str) -> AuthenticationError:
        """Return the error for a server that ended the connection during the login."""
        failures = sum(outcome == REFUSED for _, _, outcome in self.attempts)
        if self._under_way is not None:
            failures += 1
            self._note(*self._under_way, "the server ended the connection")
        for identity in self._identities or ():
            self._note("publickey", identity.label, f"{_NOT_TRIED}the server ended the connection")
        refused = self._refused((), reason=reason)
        if (failures and isinstance(error, ConnectionLost)) or "too many" in reason.lower():
            refused.too_many = max(1, failures)
        return refused

    async def _run(self) -> None:
        self._auth.start(self._options.user)
        event = await self._handshake.next("starting authentication")
        if not isinstance(event, e.AuthenticationStarted):
            raise _unexpected(event)
        self._auth.none()
        self._progress.note("SSH2_MSG_SERVICE_ACCEPT received")
        outcome = await self._answer()
        tries: dict[str, Callable[[], Awaitable[e.Event | None]]] = {
            "publickey": self._try_key,
            "keyboard-interactive": self._try_keyboard_interactive,
            "password": self._try_password,
        }
        offered: Sequence[str] = ()
        while isinstance(outcome, e.AuthenticationFailed):
            offered = outcome.methods
            self._say_what_is_left(outcome)
            if outcome.partial_success:
                self._partly_in()
            next_outcome: e.Event | None = None
            for method in self._order(batch_mode=self._options.batch_mode):
                if method in offered:
                    self._progress.note(f"Next authentication method: {method}")
                    next_outcome = await tries[method]()
                    if next_outcome is not None:
                        break
            if next_outcome is None:
                self._tell_what_batch_mode_left_out(offered)
                raise self._refused(offered)
            outcome = next_outcome
        if not isinstance(outcome, e.Authenticated):
            raise _unexpected(outcome)
        self.methods.append(self.attempts[-1][0] if self.attempts else "none")

    def _say_what_is_left(self, outcome: e.AuthenticationFailed) -> None:
        methods = printable(",".join(outcome.methods))
        if not self._requests_told or outcome.partial_success:
            self._progress.done(Step.METHODS, methods or "none")
        self._requests_told = True
        if outcome.partial_success:
            done = self.attempts[-1][0] if self.attempts else "none"
            self._progress.note(f'Authenticated using "{done}" with partial success.')
        self._progress.note(f"Authentications that can continue: {methods}")

    def _partly_in(self) -> None:
        """Continue after a partial success: keys refused before may be accepted now (as in OpenSSH)."""
        self.methods.append(self.attempts[-1][0] if self.attempts else "none")
        if self._identities is not None:
            self._identities += self._refused_identities
            self._refused_identities = []
        if self.methods[-1] in self._given_to:
            self._password = None

    def _order(self, *, batch_mode: bool) -> list[str]:
        """Return the methods in the order of PreferredAuthentications, by default beginning with what the caller
        gave."""
        preferred: tuple[str, ...] = METHODS
        if self._options.preferred_authentications:
            preferred = tuple(self._options.preferred_authentications.split(","))
        elif self._password is not None and not self._named_keys:
            preferred = METHODS[::-1]
        # As in OpenSSH; but a password that the program gave needs nobody to ask.
        secrets_usable = self._secrets_allowed and (not batch_mode or self._password is not None)
        allowed = {
            "publickey": self._options.pubkey_authentication != "no",
            "keyboard-interactive": self._options.kbd_interactive_authentication and secrets_usable,
            "password": self._options.password_authentication and secrets_usable,
        }
        return [name.strip() for name in preferred if allowed.get(name.strip())]

    def _tell_what_batch_mode_left_out(self, offered: Sequence[str]) -> None:
        tried = self._order(batch_mode=self._options.batch_mode)
        for method in self._order(batch_mode=False):
            if method not in tried and method in offered:
                self._note(method, "", "you may not be asked (BatchMode)")

    async def _answer(self) -> e.Event:
        self._requests += 1
        if self._requests > MAX_REQUESTS:
            raise self._refused((), reason=f"gave up after {MAX_REQUESTS} requests")
        return await self._handshake.next(PHASE)

    def _note(self, method: str, offered: str, outcome: e.Event | str) -> None:
        if isinstance(outcome, e.Authenticated):
            text = "accepted"
        elif isinstance(outcome, e.AuthenticationFailed):
            text = "partial success" if outcome.partial_success else REFUSED
        else:
            text = outcome if isinstance(outcome, str) else type(outcome).__name__
        if self._under_way is None and isinstance(outcome, str):
            self._left_out.add(len(self.attempts))
        self.attempts.append((method, offered, text))
        self._under_way = None
        self._progress.tried(method, offered, text)
        if text not in ("accepted", REFUSED):
            self._progress.note(f"{method}{f' ({offered})' if offered else ''}: {text}")

    def _refused(self, offered: Sequence[str], *, reason: str | None = None) -> AuthenticationError:
        tried, left_out = self._told(sent=True), self._told(sent=False)
        parts = [reason or "", f"tried {tried or ('nothing' if left_out else 'nothing that the server accepts')}"]
        parts += [f"not tried: {left_out}"] * bool(left_out)
        error = AuthenticationError(
            f"authentication failed for {self._destination}",
            phase=PHASE,
            expected=f"one of {', '.join(offered)}" if offered else None,
            received="; ".join(filter(None, parts)),
            next_step=self._advice,
        )
        error.attempts = tuple(self.attempts)
        error.methods = tuple(offered)
        return error

    def _told(self, *, sent: bool) -> str:
        """Return the attempts for which something was sent to the server, or the others, with what became of each."""
        shown = [
            f"{method}{f' ({what})' if what else ''}: {outcome.removeprefix(_NOT_TRIED)}"
            for place, (method, what, outcome) in enumerate(self.attempts)
            if (place not in self._left_out) is sent
        ]
        if len(shown) > MOST_SHOWN:
            shown[MOST_SHOWN // 2 : -MOST_SHOWN // 2] = [f"... {len(shown) - MOST_SHOWN} more ..."]
        return "; ".join(shown)

    # --- publickey ----------------------------------------------------------------------------------------------------

    async def _try_key(self) -> e.Event | None:
        """Try the next usable key; None when none is left."""
        if self._identities is None:
            agent_keys = None if self._agent is None else self._agent.keys
            self._identities = await collect(self._options, self._keys, agent_keys, self._unlock)
            for problem in () if self._agent is None else (*self._agent.problems, *self._agent.warnings):
                self._note("publickey", "agent", problem)
            if self._agent is not None:
                self._progress.done(Step.AGENT, self._agent.state)
            for line in attempts_told(self._options.identity_file, self._identities):
                self._progress.note(line)
            if self._examine:
                await self._examine_keys()
        while self._identities:
            identity = self._identities.pop(0)
            outcome = await self._try_identity(identity)
            if isinstance(outcome, e.AuthenticationFailed) and not outcome.partial_success:
                self._refused_identities.append(identity)
                self._advice = self._advice or _advice_on_certificate(identity, self._options.user)
            if outcome is not None:
                return outcome
        return None

    async def _examine_keys(self) -> None:
        """Ask the server which keys it would accept, within the limit of failures, and move those to the front."""
        assert self._identities is not None
        wanted: list[Identity] = []
        refused: list[Identity] = []
        for identity in self._identities:
            public = identity.public if identity.signer is not None else None
            choice = self._choice(public) if public is not None else None
            if public is None or choice is None or len(refused) >= EXAMINED_REFUSALS:
                continue
            self._under_way = ("publickey", identity.label)
            self._auth.offer_key(public, choice.name)
            answer = await self._answer()
            if isinstance(answer, e.KeyAcceptable):
                wanted.append(identity)
                self._progress.tried("publickey", identity.label, WOULD_ACCEPT)
            else:
                refused.append(identity)
                self._note("publickey", identity.label, answer)
                self._advice = self._advice or _advice_on_certificate(identity, self._options.user)
        self._under_way = None
        self._acceptable = wanted
        known = [*wanted, *refused]
        self._identities = [*wanted, *(each for each in self._identities if each not in known)]
        self._refused_identities += refused

    async def _try_identity(self, identity: Identity) -> e.Event | None:
        signer, public, label = identity.signer, identity.public, identity.label
        if signer is None:
            self._note("publickey", label, identity.problem or "no private key for it")
            self._advice = self._advice or identity.next_step
            return None
        if public is None:
            key = await signer.private_key()
            if key is None:
                return None
            public, label = key.public, f"{label} {key.public.fingerprint}"
        choice = self._choice(public)
        if choice is None:
            ours = set(signature_algorithms(self._options)) & set(public.signature_algorithms)
            whose = "the server accepts" if ours else "PubkeyAcceptedAlgorithms allows"
            self._note("publickey", label, f"{whose} no signature by a {public.key_type} key")
            return None
        self._under_way = ("publickey", label)
        self._progress.note(f"Offering public key: {identity.named}")
        if signer.asks:
            self._auth.offer_key(public, choice.name)
            answer = await self._answer()
            if not isinstance(answer, e.KeyAcceptable):
                self._note("publickey", label, answer)
                return answer
            self._progress.note(f"Server accepts key: {identity.named}")
        return await self._sign_in(signer, public, choice, label)

    async def _sign_in(self, signer: Signer, public: PublicKey, choice: Choice, label: str) -> e.Event | None:
        host_bound = self._auth.takes_host_bound and self._options.pubkey_authentication != "unbound"
        data = self._auth.data_to_sign(public, choice.name, host_bound=host_bound)
        try:
            signature = await signer.sign(public, data, choice.signature)
        except SSHError as error:
            self._note("publickey", label, described(error))
            self._advice = self._advice or error.next_step
            return None
        if signature is None:
            self._under_way = None
            return None
        self._auth.send_signature(public, choice.name, signature, host_bound=host_bound)
        outcome = await self._answer()
        self._note("publickey", label, outcome)
        self.key_fingerprint = public.fingerprint
        if self._agent is not None and isinstance(signer, FileSigner) and self.attempts[-1][2].startswith("accepted"):
            await self._agent.remember(await signer.private_key(), signer.path, self._prompts)
        return outcome

    def _choice(self, public: PublicKey) -> Choice | None:
        """Return the algorithm for a key; what the server accepts may become known only after the first request."""
        transport = self._session.transport
        said = transport.extensions.get(SIGNATURES)
        text = None if said is None else said.decode("ascii", "replace")
        return choose(public, signature_algorithms(self._options), text, transport.peer_version)

    async def _unlock(self, file: KeyFile) -> PrivateKey | None:
        loop = asyncio.get_running_loop()
        for _ in range(PASSPHRASE_ATTEMPTS if file.encrypted else 1):
            passphrase = None
            if file.encrypted:
                passphrase = await self._secret(file.prompt, "publickey", str(file.path))
                if not passphrase:
                    return None
            try:
                # bcrypt takes a tenth of a second or more; do not block the other connections.
                return await loop.run_in_executor(None, file.unlock, passphrase)
            except WrongPassphrase:
                continue
            except (KeyFileError, KeyFormatError) as error:
                self._note("publickey", str(file.path), described(error))
                self._advice = self._advice or error.next_step
                return None
        path = file.path
        test = f"{surface().keygen} -y -f {path}"
        self._advice = self._advice or f"The passphrase was wrong; `{test}` tells whether one is right"
        self._note("publickey", str(file.path), "wrong passphrase")
        return None

    # --- password and keyboard-interactive ----------------------------------------------------------------------------

    async def _secret(self, prompt: str, method: str, label: str) -> str | None:
        if self._options.batch_mode:
            self._note(method, label, "you may not be asked (BatchMode)")
            return None
        try:
            answer = await self._prompts.ask_secret(prompt)
        except PromptUnavailable as error:
            self._note(method, label, error.message)
            self._advice = self._advice or error.next_step
            return None
        if answer is None:
            self._note(method, label, "no answer was given")
        return answer

    def _given_password(self, method: str) -> str | None:
        """Return the password the caller gave, once for each method until one accepts it; None after that."""
        if method in self._given_to:
            return None
        self._given_to.add(method)
        return self._password

    async def _try_password(self) -> e.Event | None:
        if self._left["password"] <= 0:
            return None
        self._left["password"] -= 1
        password = self._given_password("password")
        if password is None:
            password = await self._secret(f"{self._asker}'s password: ", "password", "")
        if password is None:
            self._left["password"] = 0
            return None
        self._under_way = ("password", "a password")
        self._auth.password(password)
        outcome: e.Event | None = await self._answer()
        changes = 0
        while isinstance(outcome, e.PasswordChangeDemanded):
            changes += 1
            if changes > NEW_PASSWORDS:
                self._note("password", "a new password", "the server rejected too many new passwords")
                outcome = None
            else:
                outcome = await self._change_password(password, outcome.prompt)
        if outcome is not None:
            self._note("password", "a changed password" if changes else "a password", outcome)
        elif changes:
            self._left["password"] = 0
        return outcome

    async def _change_password(self, old: str, prompt: str) -> e.Event | None:
        said = f"{prefixed(prompt, self._asker)}\n" if prompt.strip() else ""
        new = await self._secret(f"{said}Enter {self._asker}'s new password: ", "password", "a new password")
        retype = f"Retype {self._asker}'s new password: "
        again = await self._secret(retype, "password", "a new password") if new else None
        if not new or new != again:
            if new != "" and again is not None:
                self._note("password", "a new password", "the two entries did not match")
            return None
        self._auth.change_password(old, new)
        return await self._answer()

    async def _try_keyboard_interactive(self) -> e.Event | None:
        if self._left["keyboard-interactive"] <= 0:
            return None
        self._left["keyboard-interactive"] -= 1
        self._under_way = ("keyboard-interactive", "")
        self._auth.keyboard_interactive(self._options.kbd_interactive_devices or "")
        outcome = await self._answer()
        asked = 0
        while isinstance(outcome, e.Questions):
            asked += len(outcome.prompts)
            answers = await self._answers(outcome)
            if answers is None:
                self._left["keyboard-interactive"] = 0
                return None
            self._auth.answer(answers)
            outcome = await self._answer()
        self._note("keyboard-interactive", f"{asked} answers", outcome)
        if not asked:
            self._left["keyboard-interactive"] = 0  # refused without a question: asking again would change nothing
        return outcome

    async def _answers(self, questions: e.Questions) -> list[str] | None:
        name, instruction = prefixed(questions.name, self._asker), prefixed(questions.instruction, self._asker)
        prompts = [(prefixed_question(prompt, self._asker), echo) for prompt, echo in questions.prompts]
        if not prompts:
            if name.strip() or instruction.strip():
                with contextlib.suppress(PromptUnavailable):
                    await self._prompts.keyboard_interactive(name, instruction, [])
            return []
        if [echo for _, echo in prompts] == [False]:
            # A single hidden question is PAM asking for the password, so the password the caller gave answers it.
            password = self._given_password("keyboard-interactive")
            if password is not None:
                return [password]
        if self._options.batch_mode:
            self._note("keyboard-interactive", "", "you may not be asked (BatchMode)")
            return None
        try:
            answers = await self._prompts.keyboard_interactive(name, instruction, prompts)
        except PromptUnavailable as error:
            self._note("keyboard-interactive", "", error.message)
            self._advice = self._advice or error.next_step
            return None
        if answers is None or len(answers) != len(prompts):
            self._note("keyboard-interactive", "", "no answer was given")
            return None
        return answers


def _unexpected(event: e.Event) -> SSHError:
    return ProtocolError("the server sent an answer that is invalid here", phase=PHASE, received=type(event).__name__)


def _advice_on_certificate(identity: Identity, user: str) -> str | None:
    """Return what is wrong with a refused certificate, as far as this side can tell."""
    if not isinstance(identity.public, Certificate):
        return None
    try:
        check_validity(identity.public, time.time())
    except CertificateError as error:
        return f"{identity.label}: {error.message} ({error.expected}). {error.next_step}."
    principals = identity.public.statement.principals
    if principals and user not in principals:
        # The server may map other principals to the user (AuthorizedPrincipalsFile), so this is only probably why.
        names = ", ".join([*map(escaped, principals[:MOST_SHOWN]), *(["…"] if len(principals) > MOST_SHOWN else [])])
        return (
            f"{identity.label}: the certificate names {names} but not {escaped(user)}; that is enough only if the "
            "server maps them (AuthorizedPrincipalsFile)."
        )
    return None
