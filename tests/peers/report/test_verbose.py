"""``-v`` to ``-vvv`` in the words of ``ssh -v``, where people and scripts look for them; never a secret."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_ssh.ssh import errors
from tests.peers.client_support import Person, reach
from tests.support.identities import ssh_keygen
from tests.support.peers import require_tool
from tests.support.servers import PeerServer

LINES = (
    r"debug1: Reading configuration data \S+ssh_config",
    r"debug1: \S+ssh_config line 1: Applying options for 127\.\*",
    r"debug1: \S+ssh_config line 3: include /nothing/here/\* matched no files",
    r"debug1: Executing command: 'test 127\.0\.0\.1 = other'",
    r"debug1: Connecting to 127\.0\.0\.1 \[127\.0\.0\.1\] port \d+\.",
    r"debug1: Connection established\.",
    r"debug1: Local version string SSH-2\.0-\S+",
    r"debug1: Remote protocol version 2\.0, remote software version OpenSSH_\S+",
    r"debug1: Authenticating to 127\.0\.0\.1:\d+ as '\w+'",
    r"debug1: SSH2_MSG_KEXINIT sent",
    r"debug1: SSH2_MSG_KEXINIT received",
    r"debug2: local client KEXINIT proposal",
    r"debug2: KEX algorithms: \S+",
    r"debug2: host key algorithms: \S+",
    r"debug2: ciphers ctos: \S+",
    r"debug2: MACs stoc: \S+",
    r"debug2: compression stoc: \S+",
    r"debug2: peer server KEXINIT proposal",
    r"debug1: kex: algorithm: \S+",
    r"debug1: kex: host key algorithm: ssh-ed25519",
    r"debug1: kex: server->client cipher: \S+ MAC: <implicit> compression: none",
    r"debug1: kex: client->server cipher: \S+ MAC: <implicit> compression: none",
    r"debug1: expecting SSH2_MSG_KEX_ECDH_REPLY",
    r"debug1: SSH2_MSG_KEX_ECDH_REPLY received",
    r"debug1: Server host key: ssh-ed25519 SHA256:\S+",
    r"debug1: Host '\[127\.0\.0\.1\]:\d+' is known and matches the ED25519 host key\.",
    r"debug1: Found key in \S+known_hosts:1",
    r"debug1: SSH2_MSG_NEWKEYS sent",
    r"debug1: expecting SSH2_MSG_NEWKEYS",
    r"debug1: SSH2_MSG_NEWKEYS received",
    r"debug1: SSH2_MSG_SERVICE_ACCEPT received",
    r"debug1: Authentications that can continue: publickey,password",
    r"debug1: Next authentication method: publickey",
    r"debug1: Offering public key: \S+wrong ED25519 SHA256:\S+",
    r"debug1: Offering public key: \S+id_ed25519 ED25519 SHA256:\S+",
    r'Authenticated to 127\.0\.0\.1 \(\[127\.0\.0\.1\]:\d+\) using "publickey"\.',
    r"debug1: Entering interactive session\.",
    r"debug1: Sending command: true",
    r"debug1: client_input_channel_req: channel 0 rtype exit-status reply 0",
    r"debug1: channel 0: free: client-session",
    r"Transferred: sent \d+, received \d+ bytes, in \d+\.\d seconds",
    r"Bytes per second: sent \d+\.\d, received \d+\.\d",
    r"debug1: Exit status 0",
)
"""Lines that OpenSSH's client and ours both print, in this order."""
ANYWHERE = (
    r"debug3: send packet: type 21",
    r"debug3: receive packet: type 51",
    r"debug1: identity file \S+wrong type 3",
    r"debug1: Will attempt key: \S+wrong ED25519 SHA256:\S+",
    r"debug1: SSH2_MSG_EXT_INFO received",
    r"debug1: channel 0: new session \[client-session\]",
    r"debug1: channel 0: setting env JUPYTER_SSH_MARK",
    r"debug1: kex_input_ext_info: server-sig-algs=<\S+>",
    r"debug3: receive packet: type 20",
)


CONFIG = """Include /nothing/here/*
Match exec "test %h = other"
  ServerAliveInterval 61
Match all
  SetEnv JUPYTER_SSH_MARK=not-shown
"""


def run(program: list[str], server: PeerServer, *options: str, command: str = "true") -> str:
    known = f"-oUserKnownHostsFile={server.known_hosts}"
    config = server.home.parent / "ssh_config"
    config.write_text("Host 127.*\n ServerAliveInterval 60\n" + CONFIG)
    where = ["-F", str(config), "-p", str(server.port), known, "-oIdentitiesOnly=yes", f"{server.user}@{server.host}"]
    done = subprocess.run([*program, *options, *where, command], capture_output=True, text=True, env=os.environ)
    return done.stderr.replace("\r\n", "\n")


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "OpenSSH"])
def test_the_lines_of_a_connection(openssh_server: PeerServer, tmp_path: Path, ours: bool) -> None:
    program = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"] if ours else [require_tool("ssh", "openssh-client")]
    keys = ["-i", str(ssh_keygen(tmp_path / "wrong")), "-i", str(openssh_server.client_key)]
    text = run(program, openssh_server, "-vvv", *keys)
    in_order(LINES, text)
    for line in ANYWHERE:
        assert re.search(f"^{line}", text, re.MULTILINE), line


AGAIN = (
    r"debug1: rekey out after \d+ blocks",
    r"debug1: SSH2_MSG_NEWKEYS sent",
    r"debug1: expecting SSH2_MSG_NEWKEYS",
    r"debug1: SSH2_MSG_NEWKEYS received",
    r"debug1: rekey in after \d+ blocks",
    r"debug1: Entering interactive session\.",
    r"debug1: SSH2_MSG_KEXINIT sent",
    r"debug1: SSH2_MSG_KEXINIT received",
    r"debug1: kex: algorithm: \S+",
    r"debug1: kex: client->server cipher: \S+ MAC: <implicit> compression: none",
    r"debug1: expecting SSH2_MSG_KEX_ECDH_REPLY",
    r"debug1: SSH2_MSG_KEX_ECDH_REPLY received",
    r"debug1: rekey out after \d+ blocks",
    r"debug1: SSH2_MSG_NEWKEYS sent",
    r"debug1: expecting SSH2_MSG_NEWKEYS",
    r"debug1: SSH2_MSG_NEWKEYS received",
    r"debug1: rekey in after \d+ blocks",
)
"""What both say of new keys, after the first ones."""


def in_order(lines: tuple[str, ...], text: str) -> None:
    position = 0
    for line in lines:
        found = re.compile(f"^{line}", re.MULTILINE).search(text, position)
        assert found is not None, f"{line}\nnot behind\n{text[:position][-600:]}"
        position = found.end()


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "OpenSSH"])
def test_new_keys_are_told_each_time(openssh_server: PeerServer, ours: bool) -> None:
    program = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"] if ours else [require_tool("ssh", "openssh-client")]
    options = ["-v", "-i", str(openssh_server.client_key), "-oRekeyLimit=256K", "-oCiphers=aes128-gcm@openssh.com"]
    text = run(program, openssh_server, *options, command="head -c 8000000 /dev/zero")  # more than a window
    in_order(AGAIN, text)
    assert text.count("SSH2_MSG_NEWKEYS sent") == text.count("SSH2_MSG_NEWKEYS received") >= 2
    blocks = {int(number) for number in re.findall(r"rekey (?:out|in) after (\d+) blocks", text)}
    assert blocks == {(256 << 10) // 16}


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "OpenSSH"])
@pytest.mark.parametrize(
    ("cipher", "mac", "bits"),
    [
        ("aes128-gcm@openssh.com", "hmac-sha2-512", 3072),  # no MAC is used
        ("aes256-gcm@openssh.com", "umac-64@openssh.com", 8192),
        # The key of the MAC counts too; by default OpenSSH prefers one with a short key.
        ("aes128-ctr", "umac-64-etm@openssh.com", 3072),
        ("aes128-ctr", "hmac-sha2-512-etm@openssh.com", 8192),
        ("aes192-ctr", "umac-128@openssh.com", 7680),
    ],
)
def test_the_sizes_of_groups_are_told(openssh_server: PeerServer, ours: bool, cipher: str, mac: str, bits: int) -> None:
    program = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"] if ours else [require_tool("ssh", "openssh-client")]
    options = ["-i", str(openssh_server.client_key), "-oKexAlgorithms=diffie-hellman-group-exchange-sha256"]
    text = run(program, openssh_server, "-v", f"-oCiphers={cipher}", f"-oMACs={mac}", *options)
    lines = (
        rf"debug1: SSH2_MSG_KEX_DH_GEX_REQUEST\(2048<{bits}<8192\) sent",
        r"debug1: expecting SSH2_MSG_KEX_DH_GEX_GROUP",
        r"debug1: SSH2_MSG_KEX_DH_GEX_GROUP received",
        r"debug1: SSH2_MSG_KEX_DH_GEX_INIT sent",
        r"debug1: expecting SSH2_MSG_KEX_DH_GEX_REPLY",
        r"debug1: SSH2_MSG_KEX_DH_GEX_REPLY received",
        r"debug1: Server host key: ssh-ed25519 SHA256:\S+",
    )
    in_order(lines, text)


def test_less_is_said_with_fewer_letters(openssh_server: PeerServer) -> None:
    program = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"]
    text = run(program, openssh_server, "-v", "-i", str(openssh_server.client_key))
    assert "debug1: Authenticating to" in text
    assert "not-shown" not in text
    assert "debug2:" not in text
    assert "debug3:" not in text


async def test_no_secret_in_the_log(openssh_server: PeerServer, caplog: pytest.LogCaptureFixture) -> None:
    person = Person(secrets=["never-to-be-shown"] * 3)
    with caplog.at_level(logging.DEBUG - 2, "jupyter_ssh"):
        with pytest.raises(errors.AuthenticationError) as caught:
            await reach(openssh_server, identity_file=[], prompts=person)
        async with reach(openssh_server, identity_file=[], password=openssh_server.password) as connection:
            await connection.run("true")
    said = caplog.text + "\n".join(caught.value.packets)
    assert "Next authentication method: password" in said
    assert "never-to-be-shown" not in said
    assert openssh_server.password not in said


async def test_the_last_packets_are_told_by_their_headers(openssh_server: PeerServer) -> None:
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(openssh_server, identity_file=[], batch_mode=True)
    assert caught.value.packets[0].startswith("sent SSH_MSG_KEXINIT (20), ")
    assert caught.value.packets[-1].startswith("received SSH_MSG_USERAUTH_FAILURE (51), ")
    async with reach(openssh_server) as connection:
        await connection.run("cat", input=b"x" * 3_000_000)
        lines = connection.channel_host.session.transport.packets.lines()
    assert any(re.fullmatch(r"received \d+ packets of data", line) for line in lines), lines
    assert len(lines) < 60
