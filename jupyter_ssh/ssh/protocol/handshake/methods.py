"""The key exchange methods, by name and role."""

from __future__ import annotations

from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, GroupExchangeMethod
from jupyter_ssh.ssh.protocol.handshake.key_exchange import Exchange, Transcript, agreed_host_key
from jupyter_ssh.ssh.protocol.handshake.negotiation import Agreed
from jupyter_ssh.ssh.protocol.handshake.two_messages import ClientExchange, ServerExchange
from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Settings


def begin_exchange(role: Role, agreed: Agreed, transcript: Transcript, settings: Settings) -> Exchange:
    """Begin the key exchange of the method that was agreed on."""
    method, random = EXCHANGES[agreed.kex], settings.random
    if role is Role.CLIENT:
        if not isinstance(method, GroupExchangeMethod):
            return ClientExchange(agreed, transcript, random, settings.required_rsa_size)
        from jupyter_ssh.ssh.protocol.handshake.group_exchange import ClientGroupExchange

        return ClientGroupExchange(method, agreed, transcript, random, settings.required_rsa_size)
    if not isinstance(method, GroupExchangeMethod):
        return ServerExchange(agreed, transcript, settings.host_keys, random)
    from jupyter_ssh.ssh.protocol.handshake.group_exchange import ServerGroupExchange

    groups = settings.groups() if settings.groups else None
    host_key = agreed_host_key(agreed, settings.host_keys)
    return ServerGroupExchange(method, host_key, agreed.host_key, transcript, groups, random)
