"""Extensions that are told during authentication: ext-info-in-auth@openssh.com, in both roles."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.protocol.roles import Role
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.wire import messages as m
from jupyter_ssh.ssh.wire import numbers as n
from jupyter_ssh.ssh.wire.types import Reader, string
from tests.pair.pairing import suite
from tests.pair.puppet import Puppet

IN_AUTH = "ext-info-in-auth@openssh.com"
REQUEST = m.UserauthRequest("alice", "ssh-connection", "none")


def pairs(payload: bytes) -> dict[str, str]:
    message = m.ExtInfo.decode(payload, 1)
    reader = Reader(message.extensions)
    return {reader.text(): reader.text() for _ in range(message.count)}


def numbers(payloads: list[bytes]) -> list[int]:
    return [payload[0] for payload in payloads]


def test_the_client_says_once_that_it_hears_it_right_after_its_new_keys() -> None:
    puppet = Puppet(Role.CLIENT).to_open()
    puppet.exchange()
    (said,) = puppet.heard(n.SSH_MSG_EXT_INFO)
    assert pairs(said) == {IN_AUTH: "0"}
    assert puppet.inbox.index(said) == puppet.inbox.index(bytes([n.SSH_MSG_NEWKEYS])) + 1


def test_the_client_says_nothing_to_those_who_did_not_ask() -> None:
    puppet = Puppet(Role.CLIENT)
    puppet.greet()
    puppet.send_kexinit(kex_algorithms=("curve25519-sha256", "kex-strict-s-v00@openssh.com"))
    puppet.send_exchange()
    puppet.send_newkeys()
    assert puppet.failure is None
    assert puppet.heard(n.SSH_MSG_EXT_INFO) == []


def server(*announced: tuple[str, str]) -> Puppet:
    """A server whose client announced something, before the first request."""
    settings = Settings(suite(), signature_algorithms=("ssh-ed25519", "rsa-sha2-256"))
    puppet = Puppet(Role.SERVER, settings=settings, login=False).to_service()
    puppet.say(m.ExtInfo(len(announced), b"".join(string(name) + string(value) for name, value in announced)))
    puppet.say(m.ServiceRequest("ssh-userauth"))
    return puppet


def test_the_server_tells_it_again_before_it_answers_the_first_request() -> None:
    puppet = server((IN_AUTH, "0"))
    (said,) = puppet.say(REQUEST)
    assert pairs(said) == {"server-sig-algs": "ssh-ed25519,rsa-sha2-256"}
    puppet.subject.auth.reject(["publickey"])
    assert numbers(puppet.say(REQUEST)) == [n.SSH_MSG_USERAUTH_FAILURE]
    assert puppet.failure is None


@pytest.mark.parametrize("announced", [(), ((IN_AUTH, "1"),), ((IN_AUTH, ""),), (("server-sig-algs", "0"),)])
def test_the_server_tells_it_again_only_to_those_who_hear_it(announced: tuple[tuple[str, str], ...]) -> None:
    assert server(*announced).say(REQUEST) == []
