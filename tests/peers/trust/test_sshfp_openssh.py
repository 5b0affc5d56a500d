"""VerifyHostKeyDNS of OpenSSH's ssh and of ours, with the same /etc/resolv.conf: both must come to the same end.

ssh asks the name servers of that file at port 53 and nothing else, so all of it happens in a network of its own, with
NSD and Unbound inside.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from jupyter_ssh.ssh.keys import generate, save_private_key
from tests.support.network.name_servers import World
from tests.support.network.own_network import run_in_own_network
from tests.support.peers import require_tool
from tests.support.servers import PRIVILEGE_SEPARATION

AUTHORITY = 5300
VALIDATED = {"good": "match", "sha1": "match", "alias": "match"}
CONTRADICTED = {"wrong": "mismatch", "both": "mismatch", "othertype": "mismatch"}
SILENT = {"bogus": "nothing", "missing": "nothing"}
INSECURE = {"plain": "unproven"}
EXPECTED = {**VALIDATED, **CONTRADICTED, **SILENT, **INSECURE}

OURS = """
import asyncio, sys
from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.client import connect

async def verdict(name):
    try:
        await connect(name + ".test", config="none", proxy_command=sys.argv[1], known_hosts=sys.argv[2],
                      verify_host_key_dns="yes", batch_mode=True, strict_host_key_checking="yes",
                      preferred_authentications="none", identity_file=[], identity_agent="none")
    except errors.HostKeyUnknown as error:
        text = error.message
        if "WARNING" in text:
            return "mismatch"
        return "unproven" if "Matching host key fingerprint" in text else "nothing"
    except errors.AuthenticationError:
        return "match"

async def main():
    for name in sys.argv[3:]:
        print("ours", name, await verdict(name))

asyncio.run(main())
"""


def script(folder: Path, world: World, command: str) -> list[str]:
    options = {
        "ProxyCommand": command,
        "GlobalKnownHostsFile": os.devnull,
        "UserKnownHostsFile": folder / "known_hosts",
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "HostKeyAlgorithms": "ssh-ed25519",
        "KexAlgorithms": "curve25519-sha256",
        "PreferredAuthentications": "none",
        "VerifyHostKeyDNS": "yes",
    }
    ssh = [require_tool("ssh", "openssh-client"), "-F", "none", "-v"]
    ssh += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    ours = [sys.executable, "-c", OURS, command, str(folder / "known_hosts"), *EXPECTED]
    log = shlex.quote(str(folder / "log"))
    dns = [
        [require_tool("nsd", "nsd"), "-d", "-c", str(world.configuration(AUTHORITY))],
        [require_tool("unbound", "unbound"), "-d", "-c", str(world.resolver_configuration(53, AUTHORITY))],
    ]
    starts = [
        f"{shlex.join(each)} >>{log} 2>&1 &\n{shlex.join([sys.executable, '-c', PROBE, str(port)])}"
        for each, port in zip(dns, (AUTHORITY, 53), strict=True)
    ]
    return [
        *starts,
        f"for name in {' '.join(EXPECTED)}; do",
        '  echo "theirs $name"',
        f"  {shlex.join(ssh)} $name.test true </dev/null 2>&1 || true",
        "done",
        shlex.join(ours),
    ]


PROBE = """
import dns.message, dns.query, sys, time
query = dns.message.make_query("good.test", "SSHFP")
end = time.monotonic() + 30
while time.monotonic() < end:
    try:
        if dns.query.udp(query, "127.0.0.1", 0.2, int(sys.argv[1])).answer:
            sys.exit()
    except (dns.exception.DNSException, OSError):
        pass
sys.exit("the name server does not answer")
"""


def of_ssh(text: str) -> str:
    """ssh's verdict, from what it says with -v."""
    if "Host key verification failed" not in text:
        return "match"
    if "mismatching host key fingerprint" in text:
        return "mismatch"
    return "unproven" if "matching host key fingerprint found" in text else "nothing"


def test_the_same_end(tmp_path: Path) -> None:
    sshd = require_tool("sshd", "openssh-server")
    if os.getuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    key = generate()
    save_private_key(tmp_path / "host_key", key)
    (tmp_path / "config").write_text(f"HostKey {tmp_path / 'host_key'}\nPidFile none\nStrictModes no\nUsePAM no\n")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions trust-ad\n")
    (tmp_path / "dns").mkdir()
    world = World(tmp_path / "dns", key.public, generate("ecdsa").public)
    lines = script(tmp_path, world, shlex.join([sshd, "-i", "-f", str(tmp_path / "config")]))
    printed = run_in_own_network(lines, files={"/etc/resolv.conf": tmp_path / "resolv.conf"})
    theirs, _, ours = printed.partition("ours ")
    said = dict(part.split("\n", 1) for part in theirs.split("theirs ")[1:])
    assert {name: of_ssh(each) for name, each in said.items()} == EXPECTED
    assert dict(line.split() for line in ours.replace("ours ", "").splitlines()) == EXPECTED
