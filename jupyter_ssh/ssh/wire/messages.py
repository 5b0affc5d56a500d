"""The messages of SSH-2, one frozen class each, in the order of their numbers.

`Message.decode` takes the bytes after the message number.
"""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.codec import Boolean, Cookie, Message, Mpint, NameList, Rest, String, Text, Uint32

# --- transport: RFC 4253 ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Disconnect(Message, number=n.SSH_MSG_DISCONNECT):
    """RFC 4253 §11.1."""

    reason: Uint32
    description: Text = ""
    language: Text = ""


@dataclass(frozen=True, slots=True)
class Unimplemented(Message, number=n.SSH_MSG_UNIMPLEMENTED):
    """RFC 4253 §11.4: the sequence number of the packet that was not understood."""

    sequence: Uint32


@dataclass(frozen=True, slots=True)
class Debug(Message, number=n.SSH_MSG_DEBUG):
    """RFC 4253 §11.3."""

    always_display: Boolean
    message: Text
    language: Text = ""


@dataclass(frozen=True, slots=True)
class ServiceRequest(Message, number=n.SSH_MSG_SERVICE_REQUEST):
    """RFC 4253 §10."""

    service: Text


@dataclass(frozen=True, slots=True)
class ServiceAccept(Message, number=n.SSH_MSG_SERVICE_ACCEPT):
    """RFC 4253 §10."""

    service: Text


@dataclass(frozen=True, slots=True)
class ExtInfo(Message, number=n.SSH_MSG_EXT_INFO):
    """RFC 8308 §2.3: ``count`` pairs of strings, name and value, follow."""

    count: Uint32
    extensions: Rest


@dataclass(frozen=True, slots=True)
class KexInit(Message, number=n.SSH_MSG_KEXINIT):
    """RFC 4253 §7.1: the algorithms that one side supports, best first."""

    cookie: Cookie
    kex_algorithms: NameList
    server_host_key_algorithms: NameList
    encryption_client_to_server: NameList
    encryption_server_to_client: NameList
    mac_client_to_server: NameList
    mac_server_to_client: NameList
    compression_client_to_server: NameList
    compression_server_to_client: NameList
    languages_client_to_server: String = b""
    """A name-list that nobody reads, so that it may hold anything; the next one likewise."""
    languages_server_to_client: String = b""
    first_kex_packet_follows: Boolean = False
    reserved: Uint32 = 0


@dataclass(frozen=True, slots=True)
class KexEcdhInit(Message, number=n.SSH_MSG_KEX_ECDH_INIT):
    """RFC 5656 §4, RFC 8731 §3: the client's public value."""

    client_public: String


@dataclass(frozen=True, slots=True)
class KexEcdhReply(Message, number=n.SSH_MSG_KEX_ECDH_REPLY):
    """RFC 5656 §4: the server's host key, public value and signature over the exchange hash."""

    host_key: String
    server_public: String
    signature: String


@dataclass(frozen=True, slots=True)
class KexDhGexRequestOld(Message, number=n.SSH_MSG_KEX_DH_GEX_REQUEST_OLD):
    """RFC 4419 §5: the requested size of the group in bits; the predecessor of `KexDhGexRequest`."""

    preferred: Uint32


@dataclass(frozen=True, slots=True)
class KexDhGexRequest(Message, number=n.SSH_MSG_KEX_DH_GEX_REQUEST):
    """RFC 4419 §3: the acceptable sizes of the group in bits."""

    minimum: Uint32
    preferred: Uint32
    maximum: Uint32


@dataclass(frozen=True, slots=True)
class KexDhGexGroup(Message, number=n.SSH_MSG_KEX_DH_GEX_GROUP):
    """RFC 4419 §3: the group, a prime and a generator."""

    p: Mpint
    g: Mpint


@dataclass(frozen=True, slots=True)
class KexDhGexInit(Message, number=n.SSH_MSG_KEX_DH_GEX_INIT):
    """RFC 4419 §3: the client's public value, the contents of the mpint e."""

    client_public: String


@dataclass(frozen=True, slots=True)
class KexDhGexReply(Message, number=n.SSH_MSG_KEX_DH_GEX_REPLY):
    """RFC 4419 §3: the server's host key, public value (the contents of the mpint f) and signature."""

    host_key: String
    server_public: String
    signature: String


# --- authentication: RFC 4252, RFC 4256 -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserauthRequest(Message, number=n.SSH_MSG_USERAUTH_REQUEST):
    """RFC 4252 §5; ``details`` depends on the method."""

    user: Text
    service: Text
    method: Text
    details: Rest = b""


@dataclass(frozen=True, slots=True)
class UserauthFailure(Message, number=n.SSH_MSG_USERAUTH_FAILURE):
    """RFC 4252 §5.1: the methods that can continue, and whether the last one was a partial success."""

    methods: NameList
    partial_success: Boolean


@dataclass(frozen=True, slots=True)
class UserauthSuccess(Message, number=n.SSH_MSG_USERAUTH_SUCCESS):
    """RFC 4252 §5.1."""


@dataclass(frozen=True, slots=True)
class UserauthBanner(Message, number=n.SSH_MSG_USERAUTH_BANNER):
    """RFC 4252 §5.4."""

    message: Text
    language: Text = ""


@dataclass(frozen=True, slots=True)
class UserauthPkOk(Message, number=n.SSH_MSG_USERAUTH_PK_OK):
    """RFC 4252 §7: this key would be accepted if the client can sign with it."""

    algorithm: Text
    key: String


@dataclass(frozen=True, slots=True)
class UserauthPasswdChangereq(Message, number=n.SSH_MSG_USERAUTH_PASSWD_CHANGEREQ):
    """RFC 4252 §8: the password has to be changed."""

    prompt: Text
    language: Text = ""


@dataclass(frozen=True, slots=True)
class UserauthInfoRequest(Message, number=n.SSH_MSG_USERAUTH_INFO_REQUEST):
    """RFC 4256 §3.2: ``count`` pairs of prompt (string) and echo (boolean) follow."""

    name: Text
    instruction: Text
    language: Text
    count: Uint32
    prompts: Rest


@dataclass(frozen=True, slots=True)
class UserauthInfoResponse(Message, number=n.SSH_MSG_USERAUTH_INFO_RESPONSE):
    """RFC 4256 §3.4: ``count`` strings follow."""

    count: Uint32
    responses: Rest


# --- connection: RFC 4254 ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GlobalRequest(Message, number=n.SSH_MSG_GLOBAL_REQUEST):
    """RFC 4254 §4."""

    name: Text
    want_reply: Boolean
    details: Rest = b""


@dataclass(frozen=True, slots=True)
class RequestSuccess(Message, number=n.SSH_MSG_REQUEST_SUCCESS):
    """RFC 4254 §4."""

    details: Rest = b""


@dataclass(frozen=True, slots=True)
class RequestFailure(Message, number=n.SSH_MSG_REQUEST_FAILURE):
    """RFC 4254 §4."""


@dataclass(frozen=True, slots=True)
class ChannelOpen(Message, number=n.SSH_MSG_CHANNEL_OPEN):
    """RFC 4254 §5.1."""

    kind: Text
    sender: Uint32
    window: Uint32
    max_packet: Uint32
    details: Rest = b""


@dataclass(frozen=True, slots=True)
class ChannelOpenConfirmation(Message, number=n.SSH_MSG_CHANNEL_OPEN_CONFIRMATION):
    """RFC 4254 §5.1."""

    recipient: Uint32
    sender: Uint32
    window: Uint32
    max_packet: Uint32
    details: Rest = b""


@dataclass(frozen=True, slots=True)
class ChannelOpenFailure(Message, number=n.SSH_MSG_CHANNEL_OPEN_FAILURE):
    """RFC 4254 §5.1."""

    recipient: Uint32
    reason: Uint32
    description: Text = ""
    language: Text = ""


@dataclass(frozen=True, slots=True)
class ChannelWindowAdjust(Message, number=n.SSH_MSG_CHANNEL_WINDOW_ADJUST):
    """RFC 4254 §5.2.  The connection layer decodes it by hand; this class is for tests and tools."""

    recipient: Uint32
    count: Uint32


@dataclass(frozen=True, slots=True)
class ChannelEof(Message, number=n.SSH_MSG_CHANNEL_EOF):
    """RFC 4254 §5.3."""

    recipient: Uint32


@dataclass(frozen=True, slots=True)
class ChannelClose(Message, number=n.SSH_MSG_CHANNEL_CLOSE):
    """RFC 4254 §5.3."""

    recipient: Uint32


@dataclass(frozen=True, slots=True)
class ChannelRequest(Message, number=n.SSH_MSG_CHANNEL_REQUEST):
    """RFC 4254 §5.4; ``details`` depends on ``name`` (see `requests`)."""

    recipient: Uint32
    name: Text
    want_reply: Boolean
    details: Rest = b""


@dataclass(frozen=True, slots=True)
class ChannelSuccess(Message, number=n.SSH_MSG_CHANNEL_SUCCESS):
    """RFC 4254 §5.4."""

    recipient: Uint32


@dataclass(frozen=True, slots=True)
class ChannelFailure(Message, number=n.SSH_MSG_CHANNEL_FAILURE):
    """RFC 4254 §5.4."""

    recipient: Uint32


# --- OpenSSH PROTOCOL §1.9 --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ping(Message, number=n.SSH2_MSG_PING):
    """ping@openssh.com: to be answered with the same data."""

    data: String


@dataclass(frozen=True, slots=True)
class Pong(Message, number=n.SSH2_MSG_PONG):
    """The answer to `Ping`."""

    data: String
