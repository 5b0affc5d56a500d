"""CheckHostIP of OpenSSH's ssh and of ours: the same files before, the same end, and the same files afterwards.

Loopback addresses are exempt in both, so the server has another address, in a network of the test's own.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

from jupyter_ssh.ssh.keys import generate, save_private_key
from tests.support.network.own_network import run_in_own_network
from tests.support.peers import require_tool
from tests.support.servers import PRIVILEGE_SEPARATION

ADDRESS, NAME, PORT = "192.0.2.7", "host.test", 2222
AT_NAME, AT_ADDRESS = f"[{NAME}]:{PORT}", f"[{ADDRESS}]:{PORT}"
# lines of known_hosts, StrictHostKeyChecking, whether the key is taken
# (unlike OpenSSH we look for the revocation of an address too)
CASES = {
    "unknown": ([], "accept-new", True),
    "the name is known": ([f"{AT_NAME} KEY"], "yes", True),
    "both are known": ([f"{AT_NAME} KEY", f"{AT_ADDRESS} KEY"], "yes", True),
    "one line for both": ([f"{AT_NAME},{AT_ADDRESS} KEY"], "yes", True),
    "another key, yes": ([f"{AT_NAME} KEY", f"{AT_ADDRESS} OTHER"], "yes", False),
    "another key, accept-new": ([f"{AT_NAME} KEY", f"{AT_ADDRESS} OTHER"], "accept-new", False),
    "another key, ask": ([f"{AT_NAME} KEY", f"{AT_ADDRESS} OTHER"], "ask", False),
    "another key, no": ([f"{AT_NAME} KEY", f"{AT_ADDRESS} OTHER"], "no", True),
    "revoked there, yes": ([f"{AT_NAME} KEY", f"@revoked {AT_ADDRESS} KEY"], "yes", False),
    "revoked there, no": ([f"{AT_NAME} KEY", f"@revoked {AT_ADDRESS} KEY"], "no", True),
    "the address is known": ([f"{AT_ADDRESS} KEY"], "yes", False),
}
OURS = """
import asyncio, json, sys
from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.client import connect

async def taken(folder, number, strict):
    try:
        await connect(sys.argv[2], port=int(sys.argv[3]), config="none", known_hosts=f"{folder}/ours{number}",
                      strict_host_key_checking=strict, check_host_ip=True, batch_mode=True,
                      preferred_authentications="none", identity_file=[], identity_agent="none")
    except errors.HostKeyError:
        return False
    except errors.AuthenticationError:
        return True

async def main():
    for number, strict in enumerate(sys.argv[4:]):
        print(json.dumps(["ours", number, await taken(sys.argv[1], number, strict)]))

asyncio.run(main())
"""


def test_the_same_as_ssh(tmp_path: Path) -> None:
    sshd = require_tool("sshd", "openssh-server")
    if os.getuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    key, other = generate(), generate().public.line()
    save_private_key(tmp_path / "host_key", key)
    (tmp_path / "config").write_text(
        f"HostKey {tmp_path / 'host_key'}\nPidFile none\nStrictModes no\nUsePAM no\nListenAddress {ADDRESS}:{PORT}\n"
    )
    (tmp_path / "hosts").write_text(f"{ADDRESS} {NAME}\n")
    common = {
        "CheckHostIP": "yes",
        "GlobalKnownHostsFile": os.devnull,
        "BatchMode": "yes",
        "HashKnownHosts": "no",
        "PreferredAuthentications": "none",
        "HostKeyAlgorithms": "ssh-ed25519",
    }
    ssh = [require_tool("ssh", "openssh-client"), "-F", "none", "-p", str(PORT)]
    ssh += [word for name, value in common.items() for word in ("-o", f"{name}={value}")]
    nc = require_tool("nc", "netcat-openbsd")
    script = [
        f"{shlex.join([sshd, '-D', '-f', str(tmp_path / 'config')])} &",
        f"n=0; until {nc} -z {ADDRESS} {PORT}; do n=$((n+1)); [ $n -lt 2000 ]; sleep 0.01; done",
    ]
    for number, (lines, strict, _) in enumerate(CASES.values()):
        text = "".join(f"{line}\n" for line in lines).replace("KEY", key.public.line()).replace("OTHER", other)
        for who in ("ours", "theirs"):
            (tmp_path / f"{who}{number}").write_text(text)
        file = tmp_path / f"theirs{number}"
        each = [*ssh, "-o", f"UserKnownHostsFile={file}", "-o", f"StrictHostKeyChecking={strict}"]
        script += [f"{shlex.join([*each, NAME, 'true'])} </dev/null >{tmp_path}/said{number} 2>&1 || true"]
    words = [strict for _, strict, _ in CASES.values()]
    script += [shlex.join([sys.executable, "-c", OURS, str(tmp_path), NAME, str(PORT), *words])]
    printed = run_in_own_network(script, files={"/etc/hosts": tmp_path / "hosts"}, addresses=[f"{ADDRESS}/32"])
    ours = {number: taken for _, number, taken in map(json.loads, printed.splitlines())}
    for number, (what, (_, _, taken)) in enumerate(CASES.items()):
        said = (tmp_path / f"said{number}").read_text()
        assert ("Permission denied" in said) is (taken or "revoked" in what), f"{what}: {said}"
        assert ours[number] is taken, what
        assert _known(tmp_path / f"ours{number}") == _known(tmp_path / f"theirs{number}"), what


def _known(path: Path) -> set[tuple[str, str]]:
    """Each name and its key; whether they share a line is a matter of taste."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return {(" ".join([*row[:-3], name]), row[-1]) for row in rows for name in row[-3].split(",")}
