"""The client side of one connection to an agent: encode requests, decode answers, one at a time."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from jupyter_ssh.ssh.agent import numbers as n
from jupyter_ssh.ssh.agent.constraints import NO_CONSTRAINTS, Constraints
from jupyter_ssh.ssh.agent.frames import FrameReader, frame
from jupyter_ssh.ssh.agent.identities import AgentIdentity, decode_identities
from jupyter_ssh.ssh.errors import AgentError, AgentRefused, AgentUnavailable, WireError
from jupyter_ssh.ssh.keys import PrivateKey
from jupyter_ssh.ssh.wire.types import Reader, boolean, string, uint32

log = logging.getLogger(__name__)

PHASE = "agent"
REFUSALS = (n.SSH_AGENT_FAILURE, n.SSH_AGENT_EXTENSION_FAILURE, n.SSH2_AGENT_FAILURE, n.SSH_COM_AGENT2_FAILURE)


# --- requests ---------------------------------------------------------------------------------------------------------


def request_identities() -> bytes:
    """Return a request for the list of keys."""
    return bytes((n.SSH_AGENTC_REQUEST_IDENTITIES,))


def sign_request(blob: bytes, data: bytes, flags: int = 0) -> bytes:
    """Return a request for a signature over ``data`` with the key or certificate ``blob``."""
    return bytes((n.SSH_AGENTC_SIGN_REQUEST,)) + string(blob) + string(data) + uint32(flags)


def add_identity(key: PrivateKey, comment: str, constraints: Constraints = NO_CONSTRAINTS) -> bytes:
    """Return a request (secret) that adds a private key, with its certificate if it has one."""
    limits = constraints.encode()
    number = n.SSH_AGENTC_ADD_ID_CONSTRAINED if limits else n.SSH_AGENTC_ADD_IDENTITY
    return bytes((number,)) + string(key.public.key_type) + key.private_fields() + string(comment) + limits


def remove_identity(blob: bytes) -> bytes:
    """Return a request that removes a key."""
    return bytes((n.SSH_AGENTC_REMOVE_IDENTITY,)) + string(blob)


def remove_all_identities() -> bytes:
    """Return a request that removes all keys."""
    return bytes((n.SSH_AGENTC_REMOVE_ALL_IDENTITIES,))


def lock(passphrase: str) -> bytes:
    """Return a request (secret) that locks the agent: it neither uses nor lists keys until it is unlocked."""
    return bytes((n.SSH_AGENTC_LOCK,)) + string(passphrase)


def unlock(passphrase: str) -> bytes:
    """Return a request (secret) that unlocks the agent."""
    return bytes((n.SSH_AGENTC_UNLOCK,)) + string(passphrase)


def extension(name: str, data: bytes = b"") -> bytes:
    """Return a request for an extension."""
    return bytes((n.SSH_AGENTC_EXTENSION,)) + string(name) + data


def session_bind(host_key: bytes, session_id: bytes, signature: bytes, *, forwarded: bool) -> bytes:
    """Return a request that binds the connection to a session: ``signature`` is the host's, over its first exchange
    hash."""
    return extension(n.SESSION_BIND, string(host_key) + string(session_id) + string(signature) + boolean(forwarded))


# --- answers ----------------------------------------------------------------------------------------------------------


def read_identities(answer: bytes, required_rsa_size: int | None = None) -> list[AgentIdentity]:
    """Return the keys in an answer.  Raises `AgentError`, `AgentRefused`."""
    fields = _answered(answer, n.SSH_AGENT_IDENTITIES_ANSWER, "its keys", None)
    try:
        found = decode_identities(fields, required_rsa_size)
    except WireError as error:
        raise _malformed(error) from None
    _pass_over(fields, "the list of its keys")
    return found


def read_signature(answer: bytes) -> bytes:
    """Return the signature blob in an answer.  Raises `AgentError`, `AgentRefused`."""
    fields = _answered(
        answer,
        n.SSH_AGENT_SIGN_RESPONSE,
        "a signature",
        "The agent may be locked, its owner may have declined, or the key may be limited to other destinations.",
    )
    try:
        signature = fields.string()
    except WireError as error:
        raise _malformed(error) from None
    _pass_over(fields, "a signature")
    return signature


def read_success(answer: bytes, what: str) -> None:
    """Check that the agent did ``what``.  Raises `AgentError`, `AgentRefused`."""
    _answered(answer, n.SSH_AGENT_SUCCESS, what, None)


def read_extensions(answer: bytes) -> Sequence[str]:
    """Return the agent's extensions from the answer to ``query``.  Raises `AgentError`, `AgentRefused`."""
    fields = _answered(answer, n.SSH_AGENT_EXTENSION_RESPONSE, "its extensions", None)
    try:
        fields.text(64)
        names = []
        while fields.remaining:
            names.append(fields.text(256))
    except WireError as error:
        raise _malformed(error) from None
    return names


def _answered(answer: bytes, number: int, what: str, next_step: str | None) -> Reader:
    if answer[0] in REFUSALS:
        raise AgentRefused(f"the agent refused {what}", phase=PHASE, next_step=next_step)
    if answer[0] != number:
        raise AgentError(
            "unexpected answer from the agent", phase=PHASE, expected=f"message {number}", received=f"{answer[0]}"
        )
    return Reader(answer, 1)


def _pass_over(fields: Reader, what: str) -> None:
    """Tolerate what is left in an answer, as OpenSSH does; an answer is never longer than `numbers.MAX_MESSAGE`."""
    if fields.remaining:
        log.debug("the agent left %d bytes behind %s", fields.remaining, what)


def _malformed(error: WireError) -> AgentError:
    return AgentError(
        f"malformed agent answer: {error.message}",
        phase=PHASE,
        expected=error.expected,
        received=error.received,
    )


class Conversation:
    """A conversation with an agent: it pairs requests with answers, one at a time; the caller transports the bytes."""

    def __init__(self) -> None:
        self._frames = FrameReader()
        self._asked = False

    @property
    def waiting(self) -> bool:
        """Whether an answer is pending."""
        return self._asked

    def ask(self, message: bytes) -> bytes:
        """Return the bytes to send for a request.  Raises `AgentError` if it is too long or another one is pending."""
        if self._asked:
            raise AgentError("the agent has not answered the last request yet", phase=PHASE)
        data = frame(message)
        self._asked = True
        return data

    def feed(self, data: bytes) -> bytes | None:
        """Return the answer if ``data`` completes it.  Raises `AgentError` for an answer without a request."""
        answers = self._frames.feed(data)
        if (answers or self._frames.partial) and not self._asked:
            raise AgentError("the agent sent an answer without a request", phase=PHASE)
        if not answers:
            return None
        if len(answers) > 1 or self._frames.partial:
            raise AgentError("the agent sent more than one answer", phase=PHASE)
        self._asked = False
        return answers[0]

    def ended(self) -> AgentUnavailable:
        """Return the error for an agent that is gone."""
        return AgentUnavailable(
            "the agent closed the connection",
            phase=PHASE,
            expected="an answer" if self._asked else None,
            received="part of one" if self._frames.partial else None,
        )
