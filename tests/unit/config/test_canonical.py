"""CanonicalizeHostname and its companions, with a resolver that knows a few names."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.config import Options, resolve
from jupyter_ssh.ssh.config.local_context import NoNames
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.net.names import SystemNames


class Zone(NoNames):
    """Names with an address, and what they are aliases of."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.known = {
            "web.example.org.": "web.example.org",
            "www.example.org.": "web7.cdn.example.net",
            "web.other.org.": "web.other.org",
            "a.b.c.": "a.b.c",
            "plain": "plain.corp.example",
        }

    def canonical(self, name: str, family: str) -> str | None:
        self.asked.append(name)
        if name.startswith("slow"):
            raise TimeoutError("no answer for 'slow' within 20 s")
        return self.known.get(name)


def read(folder: Path, text: str, target: str = "web", **given: Any) -> Options:
    file = folder / "config"
    file.write_text(text)
    given.setdefault("names", Zone())
    return resolve(target, files=[file], user_name="alice", home=folder, **given)


YES = "CanonicalizeHostname yes\nCanonicalDomains nowhere.org example.org other.org\n"


def test_the_first_domain_with_an_address_counts_and_the_files_are_read_again(tmp_path: Path) -> None:
    text = YES + (
        "Host web\nPort 1\nHost web.example.org\nPort 2\nUser full\n"
        "Match canonical host *.example.org\nCompression yes\nMatch final originalhost web\nTCPKeepAlive no\n"
        "Host *\nIdentityFile ~/.ssh/%h-%n\n"
    )
    zone = Zone()
    options = read(tmp_path, text, names=zone)
    assert options.host_name == "web.example.org"
    assert zone.asked == ["web.nowhere.org.", "web.example.org."]
    # What counted in the first round stays; %n is what was typed.
    assert (options.port, options.user, options.compression, options.tcp_keep_alive) == (1, "full", True, False)
    assert options.identity_file == (f"{tmp_path}/.ssh/web.example.org-web",)


def test_names_with_many_dots_are_left_alone(tmp_path: Path) -> None:
    zone = Zone()
    assert read(tmp_path, YES, "a.b.c", names=zone).host_name == "a.b.c"
    assert zone.asked == []
    assert read(tmp_path, YES + "CanonicalizeMaxDots 9\n", "a.b.c", names=zone).host_name == "a.b.c"
    assert zone.asked == ["a.b.c.nowhere.org.", "a.b.c.example.org.", "a.b.c.other.org."]
    assert read(tmp_path, YES, "a.b.c.").host_name == "a.b.c"  # a name to its root


def test_aliases_are_followed_only_as_far_as_permitted(tmp_path: Path) -> None:
    assert read(tmp_path, YES, "www").host_name == "www.example.org"
    rule = "CanonicalizePermittedCNAMEs *.other.org:* www.example.org,x:*.cdn.example.net\n"
    assert read(tmp_path, YES + rule, "www").host_name == "web7.cdn.example.net"
    elsewhere = "CanonicalizePermittedCNAMEs *.example.org:*.example.com\n"
    assert read(tmp_path, YES + elsewhere, "www").host_name == "www.example.org"
    assert read(tmp_path, YES + "CanonicalizePermittedCNAMEs plain:*.corp.example\n", "plain").host_name == (
        "plain.corp.example"
    )


@pytest.mark.parametrize("alias", ["web7;touch x.cdn.example.net", "-oP.cdn.example.net", "$(id).cdn.example.net", ""])
def test_an_alias_that_is_no_name_reaches_no_command(tmp_path: Path, alias: str) -> None:
    zone, ran = Zone(), []
    zone.known["www.example.org."] = alias
    permitted = 'CanonicalizePermittedCNAMEs *:*\nMatch exec "look %h"\nPort 3\n'

    def run(command: str) -> int:
        ran.append(command)
        return 0

    options = read(tmp_path, YES + permitted, "www", names=zone, run=run)
    assert options.host_name == "www.example.org"
    assert set(ran) <= {"look www", "look www.example.org"}


def test_what_is_found_nowhere(tmp_path: Path) -> None:
    assert read(tmp_path, YES, "gone").host_name == "gone"
    with pytest.raises(ConfigError, match=r'Could not resolve host "gone".*nowhere\.org, example\.org, other\.org'):
        read(tmp_path, YES + "CanonicalizeFallbackLocal no\n", "gone")


def test_what_goes_through_a_proxy_is_left_to_it_unless_always_is_said(tmp_path: Path) -> None:
    assert read(tmp_path, YES + "ProxyJump bastion\n").host_name == "web"
    assert read(tmp_path, YES + "ProxyCommand nc %h %p\n").host_name == "web"
    always = YES.replace("yes", "always") + "ProxyJump bastion\n"
    assert read(tmp_path, always).host_name == "web.example.org"
    assert read(tmp_path, YES.replace("yes", "no")).host_name == "web"


def test_a_name_server_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot canonicalize.*no answer for 'slow'"):
        read(tmp_path, YES, "slow")


def test_addresses_come_in_their_usual_form(tmp_path: Path) -> None:
    assert read(tmp_path, "", "2001:DB8:0::1").host_name == "2001:db8::1"
    assert read(tmp_path, "", "127.1", names=SystemNames()).host_name == "127.0.0.1"
    assert read(tmp_path, "", "LOCALHOST", names=SystemNames()).host_name == "localhost"


def test_the_systems_resolver() -> None:
    names = SystemNames()
    assert names.canonical("localhost", "any") is not None
    assert names.canonical("no-such-name.invalid", "any") is None
    assert names.address("localhost") is None


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def lookup(*_: object) -> None:
        answered.wait(60)
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", lookup)
    try:
        with pytest.raises(TimeoutError, match=r"no answer for 'web' within 0\.01 s"):
            SystemNames(seconds=0.01).canonical("web", "any")
    finally:
        answered.set()
