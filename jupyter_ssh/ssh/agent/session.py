"""The agent side of one connection: requests in, outcomes out (draft-ietf-sshm-ssh-agent §3, PROTOCOL.agent)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from jupyter_ssh.ssh.agent import numbers as n
from jupyter_ssh.ssh.agent.constraints import NO_CONSTRAINTS, decode_constraints
from jupyter_ssh.ssh.agent.destinations import Binding, permitted
from jupyter_ssh.ssh.agent.identities import plain_key
from jupyter_ssh.ssh.agent.keyring import Confirm, HeldKey, Keyring, Later, Outcome
from jupyter_ssh.ssh.agent.signing_request import login_request, purpose, safe_for_security_key
from jupyter_ssh.ssh.errors import AgentRefused, SSHError, WireError
from jupyter_ssh.ssh.keys import PrivateKey
from jupyter_ssh.ssh.keys.certificates.certificate import CertifiedKey, parse_added_key, parse_key_or_certificate
from jupyter_ssh.ssh.keys.types.security_keys import SecurityKeyPublicKey
from jupyter_ssh.ssh.text import escaped
from jupyter_ssh.ssh.wire.types import Reader, string, uint32

log = logging.getLogger(__name__)

SUCCESS: Final = bytes((n.SSH_AGENT_SUCCESS,))
FAILURE: Final = bytes((n.SSH_AGENT_FAILURE,))
EXTENSION_FAILURE: Final = bytes((n.SSH_AGENT_EXTENSION_FAILURE,))
NO_IDENTITIES: Final = bytes((n.SSH_AGENT_IDENTITIES_ANSWER,)) + uint32(0)

INTERNAL_PROVIDER: Final = "internal"

MAX_BINDINGS: Final = 16
"""The most hosts on the route of one connection; OpenSSH's limit."""

REQUIRED_RSA_SIZE: Final = 1024
"""Minimum bits of RSA keys: an agent holds whatever its owner has; the other side decides whether to accept it."""

RSA_ALGORITHMS: Final = (
    (n.SSH_AGENT_RSA_SHA2_512, "rsa-sha2-512"),
    (n.SSH_AGENT_RSA_SHA2_256, "rsa-sha2-256"),
    (0, "ssh-rsa"),
)
"""The algorithms of an RSA key by flag of the request; the first row whose flag is set applies."""


class AgentSession:
    """One client of a `Keyring`, with the sessions to which the client bound its connection."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._bindings: list[Binding] = []
        self._bind_failed = False
        """Whether a session-bind failed, so that the origin of requests is unknown."""
        self._requests: dict[int, Callable[[Reader], Outcome]] = {
            n.SSH_AGENTC_REQUEST_IDENTITIES: self._identities,
            n.SSH_AGENTC_SIGN_REQUEST: self._sign,
            n.SSH_AGENTC_ADD_IDENTITY: lambda fields: self._add(fields, constrained=False),
            n.SSH_AGENTC_ADD_ID_CONSTRAINED: lambda fields: self._add(fields, constrained=True),
            n.SSH_AGENTC_REMOVE_IDENTITY: self._remove,
            n.SSH_AGENTC_REMOVE_ALL_IDENTITIES: self._remove_all,
            n.SSH_AGENTC_LOCK: self._lock,
            n.SSH_AGENTC_UNLOCK: self._unlock,
            n.SSH_AGENTC_EXTENSION: self._extension,
        }

    def handle(self, message: bytes) -> Outcome:
        """Return the outcome of a request.  Errors caused by the client are not raised but answered with a failure."""
        handler = self._requests.get(message[0]) if message else None
        if self._keyring.locked and handler != self._unlock:
            return NO_IDENTITIES if handler == self._identities else FAILURE
        if handler is None:
            return FAILURE
        try:
            return handler(Reader(message, 1))
        except SSHError as error:
            # Log only the kind of error: a field may be a part of a key.
            log.info("request %d refused: %s", message[0], type(error).__name__)
            return FAILURE

    # --- keys ---------------------------------------------------------------------------------------------------------

    def _identities(self, fields: Reader) -> bytes:
        fields.finish()
        shown = [held for held in self._keyring.held() if self._permitted(held, None)]
        listed = b"".join(string(held.blob) + string(held.comment) for held in shown)
        return bytes((n.SSH_AGENT_IDENTITIES_ANSWER,)) + uint32(len(shown)) + listed

    def _add(self, fields: Reader, *, constrained: bool) -> bytes:
        key, rest = parse_added_key(fields.rest(), REQUIRED_RSA_SIZE)
        comment = rest.text(n.MAX_COMMENT)
        constraints = decode_constraints(rest) if constrained else NO_CONSTRAINTS
        rest.finish()
        if constraints.sk_provider is not None and not self._takes_provider(key, constraints.sk_provider):
            return FAILURE
        try:
            self._keyring.add(key, comment, constraints)
        except AgentRefused as error:
            log.info("a key is not added: %s", error.message)
            return FAILURE
        return SUCCESS

    def _takes_provider(self, key: PrivateKey, provider: str) -> bool:
        """Return whether a key may name this library, or OpenSSH's own access to devices, as OpenSSH's agent does."""
        public = plain_key(key.public)
        if not isinstance(public, SecurityKeyPublicKey):
            log.info("a library for security keys was given for a key of type %s", public.key_type)
            return False
        if provider.lower() == INTERNAL_PROVIDER or self._keyring.allows_provider(provider):
            return True
        log.info("the library %s for security keys is not allowed", escaped(provider))
        return False

    def _remove(self, fields: Reader) -> bytes:
        blob = fields.string()
        fields.finish()
        held = self._keyring.find(blob)
        if held is None or not self._permitted(held, None):
            return FAILURE
        return SUCCESS if self._keyring.remove(blob) else FAILURE

    def _remove_all(self, fields: Reader) -> bytes:
        fields.finish()
        self._keyring.remove_all()
        return SUCCESS

    # --- the lock -----------------------------------------------------------------------------------------------------

    def _lock(self, fields: Reader) -> bytes:
        passphrase = fields.string()
        fields.finish()
        return SUCCESS if self._keyring.lock(passphrase) else FAILURE

    def _unlock(self, fields: Reader) -> Outcome:
        passphrase = fields.string()
        fields.finish()

        def attempt() -> Outcome:
            seconds = self._keyring.seconds_to_next_guess()
            if seconds > 0:
                return Later(seconds, attempt)
            if self._keyring.unlock(passphrase):
                return SUCCESS
            # Delay the answer to a guess, too.
            return Later(self._keyring.seconds_to_next_guess(), lambda: FAILURE)

        return attempt() if self._keyring.locked else FAILURE

    # --- signing ------------------------------------------------------------------------------------------------------

    def _sign(self, fields: Reader) -> Outcome:
        blob, data, flags = fields.string(), fields.string(), fields.uint32()
        fields.finish()
        held = self._keyring.find(blob)
        if held is None or not self._may_sign(held, data):
            return FAILURE
        if not held.constraints.confirm:
            return _signature(held, data, flags)

        def confirmed(yes: bool) -> Outcome:
            # In the meantime the key may have been removed or have expired, or the agent may have been locked.
            return _signature(held, data, flags) if yes and self._keyring.find(blob) is held else FAILURE

        question = (
            f"Allow use of the key {escaped(held.comment) or held.key.public.key_type} {purpose(data, blob)}?\n"
            f"Its fingerprint is {held.key.public.fingerprint}."
        )
        return Confirm(question, confirmed)

    def _may_sign(self, held: HeldKey, data: bytes) -> bool:
        public = plain_key(held.key.public)
        if isinstance(public, SecurityKeyPublicKey) and not safe_for_security_key(data, held.blob, public.application):
            log.info("refused to sign with the security key %s: the data may come from a web site", public.fingerprint)
            return False
        if not held.destinations:
            return True
        request = login_request(data, held.blob)
        if not self._bindings or request is None or not self._permitted(held, request.user):
            return False
        last = self._bindings[-1]
        if request.session_id != last.session_id:
            return False
        # For a forwarded agent the signed data must contain the host key; at the first hop it need not.
        if request.host_key is None:
            return len(self._bindings) == 1
        return request.host_key == last.key

    def _permitted(self, held: HeldKey, user: str | None) -> bool:
        if self._bind_failed and not self._bindings and held.destinations:
            return False
        return permitted(held.destinations, self._bindings, user, self._keyring.wall_clock())

    # --- extensions ---------------------------------------------------------------------------------------------------

    def _extension(self, fields: Reader) -> bytes:
        name = fields.text(256)
        if name == n.QUERY:
            names = string(n.QUERY) + string(n.SESSION_BIND) + string(n.RESTRICT_DESTINATION)
            return bytes((n.SSH_AGENT_EXTENSION_RESPONSE,)) + string(n.QUERY) + names
        if name != n.SESSION_BIND:
            return FAILURE
        try:
            if self._bind(fields):
                return SUCCESS
        except SSHError as error:
            log.info("session-bind refused: %s", error.message)
        # Treat the client as remote: only local ones need not bind their connection.
        self._bind_failed = True
        return EXTENSION_FAILURE

    def _bind(self, fields: Reader) -> bool:
        """Record a session.  Raises `SSHError` for an invalid signature."""
        blob, session_id, signature = fields.string(), fields.string(64), fields.string()
        forwarded = fields.boolean()
        fields.finish()
        key = parse_key_or_certificate(blob, REQUIRED_RSA_SIZE)
        plain = plain_key(key)
        # Nobody touches a host's security key at each connection.
        plain.verify(signature, session_id, plain.signature_algorithms, no_touch_required=True)
        for binding in self._bindings:
            if not binding.forwarded:
                return False  # a session that was used for a login must be the last one
            if binding.session_id == session_id:
                return binding.key == key
        if len(self._bindings) >= MAX_BINDINGS:
            raise WireError("too many hops", expected=f"at most {MAX_BINDINGS}")
        self._bindings.append(Binding(key, session_id, forwarded))
        return True


def _signature(held: HeldKey, data: bytes, flags: int) -> bytes:
    try:
        signature = _plain(held.key).sign(data, _algorithm(held, flags))
    except SSHError as error:
        log.info("signing with %s failed: %s", held.key.public.fingerprint, error.message)
        return FAILURE
    return bytes((n.SSH_AGENT_SIGN_RESPONSE,)) + string(signature)


def _plain(key: PrivateKey) -> PrivateKey:
    """Return the key without its certificate: agents sign with the key itself."""
    return key.key if isinstance(key, CertifiedKey) else key


def _algorithm(held: HeldKey, flags: int) -> str | None:
    if plain_key(held.key.public).key_type != "ssh-rsa":
        return None
    return next(name for flag, name in RSA_ALGORITHMS if flags & flag or not flag)
