"""The client's half of authentication (RFC 4252, RFC 4256): one request at a time, the outcome as an event.

Which method and key to try, and whom to ask for a password, is decided by the layer above (`client.login`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jupyter_ssh.ssh.errors import ProtocolError, UnexpectedMessage, WireError
from jupyter_ssh.ssh.keys.base import PrivateKey, PublicKey
from jupyter_ssh.ssh.protocol.authentication.requests import (
    CONNECTION_SERVICE,
    MAX_PROMPTS,
    PUBLICKEY,
    PUBLICKEY_HOST_BOUND,
    SERVICE,
    signed_data,
)
from jupyter_ssh.ssh.protocol.events import (
    Authenticated,
    AuthenticationFailed,
    AuthenticationStarted,
    Banner,
    Event,
    KeyAcceptable,
    PasswordChangeDemanded,
    Questions,
)
from jupyter_ssh.ssh.protocol.extensions import HOST_BOUND
from jupyter_ssh.ssh.protocol.layers import Handlers, payload_end
from jupyter_ssh.ssh.protocol.transport import Transport
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.types import Reader, boolean, string


class ClientAuthentication:
    """Sends authentication requests for ``user`` and turns the answers into events."""

    def __init__(self, transport: Transport, on_event: Callable[[Event], None]) -> None:
        self._transport = transport
        self._on_event = on_event
        self._user = ""
        self._method: str | None = None
        """The method of the request that awaits its answer; message 60 has a different meaning in each method."""
        self._started = False
        self._asked = False
        """Whether the server's questions await `answer`."""

    def handlers(self) -> Handlers:
        """Return the handlers, for `Transport.register`."""
        return {
            n.SSH_MSG_SERVICE_ACCEPT: self._on_service_accept,
            n.SSH_MSG_USERAUTH_FAILURE: self._on_failure,
            n.SSH_MSG_USERAUTH_SUCCESS: self._on_success,
            n.SSH_MSG_USERAUTH_BANNER: self._on_banner,
            n.SSH_MSG_USERAUTH_PK_OK: self._on_60,
        }

    # --- requests -----------------------------------------------------------------------------------------------------

    def start(self, user: str) -> None:
        """Request the authentication service; `AuthenticationStarted` follows."""
        self._user = user
        self._started = True
        self._transport.send(m.ServiceRequest(SERVICE).encode())

    def none(self) -> None:
        """Ask which methods are available (RFC 4252 §5.2)."""
        self._request("none", b"")

    def password(self, password: str) -> None:
        """Log in with a password (RFC 4252 §8)."""
        self._request("password", boolean(False) + string(password))

    def change_password(self, old: str, new: str) -> None:
        """Log in with a password and change it, after `PasswordChangeDemanded` (RFC 4252 §8)."""
        self._request("password", boolean(True) + string(old) + string(new))

    def offer_key(self, key: PublicKey, algorithm: str) -> None:
        """Ask whether the key would be accepted, before it has to be unlocked (RFC 4252 §7)."""
        self._request("publickey", boolean(False) + string(algorithm) + string(key.blob))

    def sign_in(self, key: PrivateKey, algorithm: str) -> None:
        """Log in with a key (RFC 4252 §7)."""
        self.send_signature(key.public, algorithm, key.sign(self.data_to_sign(key.public, algorithm), algorithm))

    @property
    def takes_host_bound(self) -> bool:
        """Whether the server accepts signatures that name its host key (OpenSSH PROTOCOL §3.1)."""
        return self._transport.host_key is not None and self._transport.extensions.get(HOST_BOUND) == b"0"

    def data_to_sign(self, key: PublicKey, algorithm: str, *, host_bound: bool = False) -> bytes:
        """Return what a signature for `send_signature` must cover."""
        transport = self._transport
        host_key = transport.host_key.blob if host_bound and transport.host_key is not None else None
        return signed_data(transport.session_id, self._user, algorithm, key.blob, host_key)

    def send_signature(self, key: PublicKey, algorithm: str, signature: bytes, *, host_bound: bool = False) -> None:
        """Log in with a signature over `data_to_sign`, such as one made by an agent."""
        details = boolean(True) + string(algorithm) + string(key.blob)
        if host_bound:
            assert self._transport.host_key is not None
            details += string(self._transport.host_key.blob)
        details += string(signature)
        self._request(PUBLICKEY_HOST_BOUND if host_bound else PUBLICKEY, details)

    def keyboard_interactive(self, submethods: str = "") -> None:
        """Request keyboard-interactive authentication (RFC 4256 §3.1); `Questions` follows."""
        self._request("keyboard-interactive", string("") + string(submethods))

    def answer(self, answers: Sequence[str]) -> None:
        """Answer all `Questions`, in order (RFC 4256 §3.4)."""
        self._asked = False
        body = b"".join(string(answer) for answer in answers)
        self._transport.send(m.UserauthInfoResponse(len(answers), body).encode())

    def _request(self, method: str, details: bytes) -> None:
        self._method = method
        self._asked = False
        self._transport.send(m.UserauthRequest(self._user, CONNECTION_SERVICE, method, details).encode())

    # --- answers ------------------------------------------------------------------------------------------------------

    def _on_service_accept(self, body: bytes) -> None:
        message = m.ServiceAccept.decode(body, 2, payload_end(body))
        if message.service != SERVICE or not self._started:
            raise ProtocolError(
                "the server accepted a service that was not requested",
                expected=SERVICE,
                received=repr(message.service[:60]),
            )
        self._transport.grant_service()
        self._on_event(AuthenticationStarted())

    def _on_failure(self, body: bytes) -> None:
        message = m.UserauthFailure.decode(body, 2, payload_end(body))
        self._answered("USERAUTH_FAILURE")
        self._on_event(AuthenticationFailed(message.methods, message.partial_success))

    def _on_success(self, body: bytes) -> None:
        m.UserauthSuccess.decode(body, 2, payload_end(body))
        self._answered("USERAUTH_SUCCESS")
        self._transport.received_login()
        self._on_event(Authenticated())

    def _on_banner(self, body: bytes) -> None:
        self._on_event(Banner(m.UserauthBanner.decode(body, 2, payload_end(body)).message))

    def _answered(self, what: str) -> None:
        if self._method is None:
            raise UnexpectedMessage(f"the server sent {what} without an authentication request")
        self._asked = False
        self._method = None

    def _on_60(self, body: bytes) -> None:
        handler = {
            "publickey": self._on_pk_ok,
            "password": self._on_passwd_changereq,
            "keyboard-interactive": self._on_info_request,
        }.get(self._method or "")
        if handler is None:
            raise UnexpectedMessage(
                "the server sent a message that belongs to another authentication method",
                expected=f"an answer to {self._method or 'no request'}",
                received=n.message_name(60),
            )
        handler(body)

    def _on_pk_ok(self, body: bytes) -> None:
        message = m.UserauthPkOk.decode(body, 2, payload_end(body))
        self._method = None
        self._on_event(KeyAcceptable(message.algorithm, message.key))

    def _on_passwd_changereq(self, body: bytes) -> None:
        message = m.UserauthPasswdChangereq.decode(body, 2, payload_end(body))
        self._method = None
        self._on_event(PasswordChangeDemanded(message.prompt))

    def _on_info_request(self, body: bytes) -> None:
        message = m.UserauthInfoRequest.decode(body, 2, payload_end(body))
        if self._asked:
            raise UnexpectedMessage("the server asked again before its questions were answered")
        if message.count > MAX_PROMPTS:
            raise WireError(
                "the server asked too many questions at once",
                expected=f"at most {MAX_PROMPTS}",
                received=f"{message.count}",
            )
        reader = Reader(message.prompts)
        prompts = [(reader.text(), reader.boolean()) for _ in range(message.count)]
        reader.finish()
        self._asked = True
        self._on_event(Questions(message.name, message.instruction, prompts))
