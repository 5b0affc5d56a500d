"""Message numbers (RFC 4250 §4.1) and the codes that go with them."""

from __future__ import annotations

from typing import Final

# --- RFC 4253 §12, RFC 8308 -------------------------------------------------------------------------------------------
SSH_MSG_DISCONNECT: Final = 1
SSH_MSG_IGNORE: Final = 2
SSH_MSG_UNIMPLEMENTED: Final = 3
SSH_MSG_DEBUG: Final = 4
SSH_MSG_SERVICE_REQUEST: Final = 5
SSH_MSG_SERVICE_ACCEPT: Final = 6
SSH_MSG_EXT_INFO: Final = 7
SSH_MSG_KEXINIT: Final = 20
SSH_MSG_NEWKEYS: Final = 21
# 30 to 49 belong to the key exchange method; these two are RFC 5656 §7.1's …
SSH_MSG_KEX_ECDH_INIT: Final = 30
SSH_MSG_KEX_ECDH_REPLY: Final = 31
# … and these RFC 4419 §5's.
SSH_MSG_KEX_DH_GEX_REQUEST_OLD: Final = 30
SSH_MSG_KEX_DH_GEX_GROUP: Final = 31
SSH_MSG_KEX_DH_GEX_INIT: Final = 32
SSH_MSG_KEX_DH_GEX_REPLY: Final = 33
SSH_MSG_KEX_DH_GEX_REQUEST: Final = 34

# --- RFC 4252 §6, RFC 4256 §5 -----------------------------------------------------------------------------------------
SSH_MSG_USERAUTH_REQUEST: Final = 50
SSH_MSG_USERAUTH_FAILURE: Final = 51
SSH_MSG_USERAUTH_SUCCESS: Final = 52
SSH_MSG_USERAUTH_BANNER: Final = 53
# 60 to 79 belong to the authentication method in use, so one number has three meanings.
SSH_MSG_USERAUTH_PK_OK: Final = 60
SSH_MSG_USERAUTH_PASSWD_CHANGEREQ: Final = 60
SSH_MSG_USERAUTH_INFO_REQUEST: Final = 60
SSH_MSG_USERAUTH_INFO_RESPONSE: Final = 61

# --- RFC 4254 §9 ------------------------------------------------------------------------------------------------------
SSH_MSG_GLOBAL_REQUEST: Final = 80
SSH_MSG_REQUEST_SUCCESS: Final = 81
SSH_MSG_REQUEST_FAILURE: Final = 82
SSH_MSG_CHANNEL_OPEN: Final = 90
SSH_MSG_CHANNEL_OPEN_CONFIRMATION: Final = 91
SSH_MSG_CHANNEL_OPEN_FAILURE: Final = 92
SSH_MSG_CHANNEL_WINDOW_ADJUST: Final = 93
SSH_MSG_CHANNEL_DATA: Final = 94
SSH_MSG_CHANNEL_EXTENDED_DATA: Final = 95
SSH_MSG_CHANNEL_EOF: Final = 96
SSH_MSG_CHANNEL_CLOSE: Final = 97
SSH_MSG_CHANNEL_REQUEST: Final = 98
SSH_MSG_CHANNEL_SUCCESS: Final = 99
SSH_MSG_CHANNEL_FAILURE: Final = 100

# --- OpenSSH PROTOCOL §1.9 --------------------------------------------------------------------------------------------
SSH2_MSG_PING: Final = 192
SSH2_MSG_PONG: Final = 193

NAMES: Final[dict[int, str]] = {
    value: name for name, value in sorted(globals().items()) if name.startswith(("SSH_MSG_", "SSH2_MSG_"))
}
NAMES[30], NAMES[31] = "SSH_MSG_KEX_30", "SSH_MSG_KEX_31"
NAMES[60] = "SSH_MSG_USERAUTH_60"


def message_name(number: int) -> str:
    """Return a message number with its name, for errors and logs: ``SSH_MSG_KEXINIT (20)``."""
    return f"{NAMES.get(number, 'unassigned message')} ({number})"


# --- RFC 4253 §11.1 ---------------------------------------------------------------------------------------------------
SSH_DISCONNECT_HOST_NOT_ALLOWED_TO_CONNECT: Final = 1
SSH_DISCONNECT_PROTOCOL_ERROR: Final = 2
SSH_DISCONNECT_KEY_EXCHANGE_FAILED: Final = 3
SSH_DISCONNECT_MAC_ERROR: Final = 5
SSH_DISCONNECT_SERVICE_NOT_AVAILABLE: Final = 7
SSH_DISCONNECT_PROTOCOL_VERSION_NOT_SUPPORTED: Final = 8
SSH_DISCONNECT_HOST_KEY_NOT_VERIFIABLE: Final = 9
SSH_DISCONNECT_CONNECTION_LOST: Final = 10
SSH_DISCONNECT_BY_APPLICATION: Final = 11
SSH_DISCONNECT_TOO_MANY_CONNECTIONS: Final = 12
SSH_DISCONNECT_AUTH_CANCELLED_BY_USER: Final = 13
SSH_DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE: Final = 14
SSH_DISCONNECT_ILLEGAL_USER_NAME: Final = 15

DISCONNECT_NAMES: Final[dict[int, str]] = {
    1: "host not allowed to connect",
    2: "protocol error",
    3: "key exchange failed",
    4: "reserved",
    5: "MAC error",
    6: "compression error",
    7: "service not available",
    8: "protocol version not supported",
    9: "host key not verifiable",
    10: "connection lost",
    11: "by application",
    12: "too many connections",
    13: "authentication cancelled by user",
    14: "no more authentication methods available",
    15: "illegal user name",
}

# --- RFC 4254 §5.1 ----------------------------------------------------------------------------------------------------
SSH_OPEN_ADMINISTRATIVELY_PROHIBITED: Final = 1
SSH_OPEN_CONNECT_FAILED: Final = 2
SSH_OPEN_UNKNOWN_CHANNEL_TYPE: Final = 3
SSH_OPEN_RESOURCE_SHORTAGE: Final = 4

OPEN_FAILURE_NAMES: Final[dict[int, str]] = {
    1: "administratively prohibited",
    2: "connect failed",
    3: "unknown channel type",
    4: "resource shortage",
}

# --- RFC 4254 §5.2 ----------------------------------------------------------------------------------------------------
SSH_EXTENDED_DATA_STDERR: Final = 1
