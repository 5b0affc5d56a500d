"""The server's half of authentication (RFC 4252, RFC 4256): requests as events, decisions as calls.

Who may log in is decided by the layer above (`server.logins`); signatures are verified here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from jupyter_ssh.ssh.errors import KeyFormatError, ProtocolError, SignatureError, SSHError, WireError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate, parse_key_or_certificate
from jupyter_ssh.ssh.keys.types.security_keys import SecurityKeyPublicKey
from jupyter_ssh.ssh.protocol.authentication.requests import (
    CONNECTION_SERVICE,
    MAX_PROMPTS,
    PUBLICKEY,
    PUBLICKEY_HOST_BOUND,
    SERVICE,
    signed_data,
)
from jupyter_ssh.ssh.protocol.events import Authenticated, AuthenticationRequested, Event, QuestionsAnswered
from jupyter_ssh.ssh.protocol.extensions import IN_AUTHENTICATION, server_ext_info_for_user
from jupyter_ssh.ssh.protocol.layers import Handlers, payload_end
from jupyter_ssh.ssh.protocol.roles import Phase
from jupyter_ssh.ssh.protocol.transport import Transport
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.codec import Message
from jupyter_ssh.ssh.wire.types import Reader, boolean, string

MAX_WAITING: Final = 16
"""How many requests a client may send ahead while one is being decided."""


class ServerAuthentication:
    """Handles one request at a time: each `AuthenticationRequested` must be answered by calling one of the decisions.

    Decisions raise `ProtocolError` if no request awaits one.  After the end of the session they do nothing, because a
    decision may take a while.
    """

    def __init__(self, transport: Transport, banner: str, on_event: Callable[[Event], None]) -> None:
        self._transport = transport
        self._banner = banner
        self._on_event = on_event
        self._request: AuthenticationRequested | None = None
        self._questions: int | None = None
        self._waiting: deque[bytes] = deque()
        self._user_known = False

    def handlers(self) -> Handlers:
        """Return the handlers, for `Transport.register`."""
        return {
            n.SSH_MSG_SERVICE_REQUEST: self._on_service_request,
            n.SSH_MSG_USERAUTH_REQUEST: self._on_request,
            n.SSH_MSG_USERAUTH_INFO_RESPONSE: self._on_info_response,
        }

    # --- decisions ----------------------------------------------------------------------------------------------------

    def accept(self) -> None:
        """Log the user in."""
        if self._decided() is None:
            return
        self._waiting.clear()
        self._transport.send_login(m.UserauthSuccess().encode())
        self._on_event(Authenticated())

    def reject(self, methods: Sequence[str], *, partial_success: bool = False) -> None:
        """Reject the request; authentication can continue with ``methods``.

        With ``partial_success`` the request was correct, but another method is required too."""
        if self._decided() is not None:
            self._answer(m.UserauthFailure(tuple(methods), partial_success))

    def key_acceptable(self) -> None:
        """Ask for a signature: the offered key would be accepted."""
        request = self._decided()
        if request is not None:
            assert request.key is not None
            assert request.algorithm is not None
            self._answer(m.UserauthPkOk(request.algorithm, request.key.blob))

    def demand_new_password(self, prompt: str) -> None:
        """Ask for a new password: the one given is correct but has expired."""
        if self._decided() is not None:
            self._answer(m.UserauthPasswdChangereq(prompt))

    def ask(self, name: str, instruction: str, prompts: Sequence[tuple[str, bool]]) -> None:
        """Ask questions, each with whether the answer may be shown; `QuestionsAnswered` follows."""
        if len(prompts) > MAX_PROMPTS:
            raise ProtocolError(f"at most {MAX_PROMPTS} questions can be asked at once", phase=self._phase)
        if self._transport.failure is not None:
            return
        if self._request is None or self._request.method != "keyboard-interactive" or self._questions is not None:
            raise ProtocolError("no keyboard-interactive request waits for questions", phase=self._phase)
        self._questions = len(prompts)
        body = b"".join(string(prompt) + boolean(echo) for prompt, echo in prompts)
        self._transport.send(m.UserauthInfoRequest(name, instruction, "", len(prompts), body).encode())

    _phase: Final = Phase.AUTH.value

    def _decided(self) -> AuthenticationRequested | None:
        """Return the request that is being decided; None after the end of the session."""
        if self._transport.failure is not None:
            return None
        request = self._request
        if request is None:
            raise ProtocolError("no authentication request waits for a decision", phase=self._phase)
        self._request = None
        self._questions = None
        return request

    def _answer(self, message: Message) -> None:
        """Send a decision, and continue with the requests that the client has sent ahead."""
        self._transport.send(message.encode())
        try:
            while self._waiting and self._request is None and self._transport.failure is None:
                self._take(self._waiting.popleft())
        except SSHError as error:  # the client's fault, not the caller's
            self._transport.fail(error)

    # --- messages -----------------------------------------------------------------------------------------------------

    def _on_service_request(self, body: bytes) -> None:
        message = m.ServiceRequest.decode(body, 2, payload_end(body))
        if message.service != SERVICE:
            error = ProtocolError(
                "the client requested an unknown service", expected=SERVICE, received=repr(message.service[:60])
            )
            error.reason = n.SSH_DISCONNECT_SERVICE_NOT_AVAILABLE
            raise error
        self._transport.send(m.ServiceAccept(SERVICE).encode())
        first = self._transport.phase is not Phase.AUTH
        self._transport.grant_service()
        if self._banner and first:
            self._transport.send(m.UserauthBanner(self._banner).encode())

    def _on_request(self, body: bytes) -> None:
        payload = body[2 : payload_end(body)]
        if self._questions is not None:
            # RFC 4256 §3.1: a new request abandons the questions.
            self._questions = None
            self._request = None
        if self._request is None:
            self._take(payload)
            return
        if len(self._waiting) >= MAX_WAITING:
            raise ProtocolError(
                "the client sent too many authentication requests at once", expected=f"at most {MAX_WAITING}"
            )
        self._waiting.append(payload)

    def _take(self, payload: bytes) -> None:
        message = m.UserauthRequest.decode(payload)
        if message.service != CONNECTION_SERVICE:
            error = ProtocolError(
                "the client requested an unknown service",
                expected=CONNECTION_SERVICE,
                received=repr(message.service[:60]),
            )
            error.reason = n.SSH_DISCONNECT_SERVICE_NOT_AVAILABLE
            raise error
        if not self._user_known:
            self._user_known = True
            self._tell_signatures()
        reader = Reader(message.details)
        read = {
            "password": self._read_password,
            PUBLICKEY: self._read_publickey,
            PUBLICKEY_HOST_BOUND: self._read_host_bound,
            "keyboard-interactive": self._read_keyboard_interactive,
        }.get(message.method)
        request = read(message.user, reader) if read else AuthenticationRequested(message.user, message.method[:60])
        if read:
            reader.finish()
        self._request = request
        self._on_event(request)

    def _tell_signatures(self) -> None:
        """Send EXT_INFO again with the first request, to clients that take it then, as OpenSSH does."""
        transport = self._transport
        if transport.extensions.get(IN_AUTHENTICATION) == b"0":
            transport.send(server_ext_info_for_user(transport.settings.signature_algorithms))

    def _read_password(self, user: str, reader: Reader) -> AuthenticationRequested:
        change = reader.boolean()
        password = reader.text()
        new_password = reader.text() if change else None
        return AuthenticationRequested(user, "password", password=password, new_password=new_password)

    def _read_keyboard_interactive(self, user: str, reader: Reader) -> AuthenticationRequested:
        reader.text()  # the language tag, deprecated
        return AuthenticationRequested(user, "keyboard-interactive", submethods=reader.text())

    def _read_publickey(self, user: str, reader: Reader, *, host_bound: bool = False) -> AuthenticationRequested:
        signed = reader.boolean()
        algorithm = reader.text()
        blob = reader.string()
        host_key = reader.string() if host_bound else None
        signature = reader.string() if signed else b""
        request = AuthenticationRequested(
            user, PUBLICKEY, algorithm=algorithm[:100], signed=signed, host_bound=host_bound
        )
        ours = self._transport.host_key
        if host_bound and (ours is None or ours.blob != host_key):
            return replace(request, problem="the request is bound to another host key")
        try:
            key = parse_key_or_certificate(blob, self._transport.settings.required_rsa_size)
        except (KeyFormatError, WireError) as error:
            # An unknown key type does not end the connection.
            return replace(request, problem=str(error))
        request = replace(request, key=key)
        if not signed or algorithm not in key.signature_algorithms:
            return request
        data = signed_data(self._transport.session_id, user, algorithm, blob, host_key)
        return _verified(request, key, signature, data, algorithm)

    def _read_host_bound(self, user: str, reader: Reader) -> AuthenticationRequested:
        return self._read_publickey(user, reader, host_bound=True)

    def _on_info_response(self, body: bytes) -> None:
        message = m.UserauthInfoResponse.decode(body, 2, payload_end(body))
        if self._questions is None:
            raise ProtocolError("the client answered questions that it was not asked", phase=self._phase)
        if message.count != self._questions:
            raise ProtocolError(
                "the client sent the wrong number of answers",
                phase=self._phase,
                expected=f"{self._questions}",
                received=f"{message.count}",
            )
        reader = Reader(message.responses)
        answers = [reader.text() for _ in range(message.count)]
        reader.finish()
        self._questions = None
        self._on_event(QuestionsAnswered(answers))


def _verified(
    request: AuthenticationRequested, key: PublicKey, signature: bytes, data: bytes, algorithm: str
) -> AuthenticationRequested:
    """Return the request with the result of verifying its signature; the layer above checks a security key's flags."""
    try:
        key.verify(signature, data, (algorithm,), no_touch_required=True)
        plain = key.key if isinstance(key, Certificate) else key
        if not isinstance(plain, SecurityKeyPublicKey):
            return replace(request, verified=True)
        said = plain.assertion(signature)
    except (SignatureError, WireError) as error:
        return replace(request, problem=str(error))
    return replace(request, verified=True, touched=said.user_present, user_verified=said.user_verified)
