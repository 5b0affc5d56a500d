"""What a failed login says with BatchMode: only what BatchMode left out is put down to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.ssh import AuthenticationError
from tests.support.certificates import certify, make_authority
from tests.support.embedded import embedded_in_loop
from tests.support.identities import ssh_keygen
from tests.unit.client.conftest import reach

BOTH = ("publickey", "password")
LEFT_OUT = "you may not be asked (BatchMode)"


async def refused(tmp_path: Path, methods: tuple[str, ...], **options: object) -> AuthenticationError:
    """The error of a login with BatchMode and without a key."""
    async with embedded_in_loop(tmp_path / "server", methods=methods) as server:
        with pytest.raises(AuthenticationError) as caught:
            await reach(server, **{"identity_file": [], "batch_mode": True, **options})
    return caught.value


@pytest.mark.parametrize(
    "options", [{"preferred_authentications": "publickey"}, {"password_authentication": False}], ids=str
)
async def test_a_method_that_would_not_be_tried_anyway_is_not_mentioned(
    tmp_path: Path, options: dict[str, object]
) -> None:
    error = await refused(tmp_path, BOTH, **options)
    assert LEFT_OUT not in str(error)
    assert error.advice == "no-method"


async def test_passwords_are_not_mentioned_where_the_host_key_forbids_them(tmp_path: Path) -> None:
    async with embedded_in_loop(tmp_path / "another") as another, embedded_in_loop(tmp_path / "server") as server:
        changed = another.known_hosts.read_text().replace(str(another.port), str(server.port))
        server.known_hosts.write_text(changed)
        with pytest.raises(AuthenticationError) as caught:
            await reach(server, identity_file=[], batch_mode=True, strict_host_key_checking="no")
    assert LEFT_OUT not in str(caught.value)
    assert caught.value.advice == "no-method"


async def test_a_method_that_is_left_out_is_mentioned(tmp_path: Path) -> None:
    error = await refused(tmp_path, BOTH)
    assert ("password", "", LEFT_OUT) in error.attempts
    assert error.advice == "nobody-asked"


async def test_what_is_wrong_with_a_key_counts_more(tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key")
    certificate = certify(make_authority(tmp_path), key, principals="somebody")
    key.unlink()
    error = await refused(tmp_path, BOTH, identity_file=certificate)
    assert ("password", "", LEFT_OUT) in error.attempts
    assert error.advice == "own-keys"
    assert "with its private key" in (error.next_step or "")


async def test_a_passphrase_that_may_not_be_asked_for_counts_more(tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "key", passphrase="open sesame")
    async with embedded_in_loop(tmp_path / "server", methods=BOTH) as server:
        server.authorized_keys.write_text(key.with_suffix(".pub").read_text())
        with pytest.raises(AuthenticationError) as caught:
            await reach(server, identity_file=key, batch_mode=True)
    assert ("publickey", str(key), LEFT_OUT) in caught.value.attempts
    assert caught.value.advice == "nobody-asked"
