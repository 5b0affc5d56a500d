"""Message numbers, flags and limits of the agent protocol (draft-ietf-sshm-ssh-agent §6, PROTOCOL.agent)."""

from __future__ import annotations

from typing import Final

SSH_AGENT_FAILURE: Final = 5
SSH_AGENT_SUCCESS: Final = 6
SSH_AGENTC_REQUEST_IDENTITIES: Final = 11
SSH_AGENT_IDENTITIES_ANSWER: Final = 12
SSH_AGENTC_SIGN_REQUEST: Final = 13
SSH_AGENT_SIGN_RESPONSE: Final = 14
SSH_AGENTC_ADD_IDENTITY: Final = 17
SSH_AGENTC_REMOVE_IDENTITY: Final = 18
SSH_AGENTC_REMOVE_ALL_IDENTITIES: Final = 19
SSH_AGENTC_ADD_SMARTCARD_KEY: Final = 20
SSH_AGENTC_REMOVE_SMARTCARD_KEY: Final = 21
SSH_AGENTC_LOCK: Final = 22
SSH_AGENTC_UNLOCK: Final = 23
SSH_AGENTC_ADD_ID_CONSTRAINED: Final = 25
SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED: Final = 26
SSH_AGENTC_EXTENSION: Final = 27
SSH_AGENT_EXTENSION_FAILURE: Final = 28
SSH_AGENT_EXTENSION_RESPONSE: Final = 29
SSH2_AGENT_FAILURE: Final = 30
SSH_COM_AGENT2_FAILURE: Final = 102
"""This and the number before are what some agents say in place of SSH_AGENT_FAILURE, as in OpenSSH's authfd.h."""

SSH_AGENT_CONSTRAIN_LIFETIME: Final = 1
SSH_AGENT_CONSTRAIN_CONFIRM: Final = 2
SSH_AGENT_CONSTRAIN_EXTENSION: Final = 255

SSH_AGENT_RSA_SHA2_256: Final = 2
SSH_AGENT_RSA_SHA2_512: Final = 4

QUERY: Final = "query"
SESSION_BIND: Final = "session-bind@openssh.com"
RESTRICT_DESTINATION: Final = "restrict-destination-v00@openssh.com"
SK_PROVIDER: Final = "sk-provider@openssh.com"

MAX_MESSAGE: Final = 256 * 1024
"""Maximum bytes of a message, without its length; OpenSSH's limit on both sides."""

MAX_IDENTITIES: Final = 2048
"""The most keys in an answer; OpenSSH's limit."""

MAX_COMMENT: Final = 4096
"""Maximum bytes of a comment; the rest is cut off."""
