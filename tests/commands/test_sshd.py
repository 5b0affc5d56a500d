"""``jupyter-ssh sshd`` as a person runs it, with OpenSSH's ssh as the client."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificates import make_authority
from tests.support.clients import PeerClients
from tests.support.identities import Identity
from tests.support.peers import require_tool
from tests.support.processes import free_port
from tests.support.tree import TREE

if sys.platform == "win32":
    pytest.skip("POSIX signals and terminals", allow_module_level=True)

import pexpect

SSHD = [sys.executable, "-m", "jupyter_ssh.commands", "sshd"]
SECONDS = 120


@dataclass
class Daemon:
    """A started server and the lines it said first."""

    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def port(self) -> int:
        return int(self.lines[0].rstrip(".").rpartition(" ")[2])


class Daemons:
    """Starts servers whose state lies in a folder of the test."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        self.folder, self.identity = folder, identity
        self.keys = folder / "authorized_keys"
        self.keys.write_text(identity.public_line + "\n", encoding="utf-8")
        self.keys.chmod(0o600)
        self.env = {**os.environ, "XDG_DATA_HOME": str(folder / "data")}
        self.started: list[subprocess.Popen[str]] = []

    def identity_fingerprint(self) -> str:
        return fingerprint_of(self.identity.openssh)

    @property
    def host_key(self) -> Path:
        return self.folder / "data" / "jupyter_ssh" / "host_ed25519"

    def argv(self, *words: str) -> list[str]:
        return [*SSHD, "-p", "0", "-o", f"AuthorizedKeysFile={self.keys}", *words]

    def start(self, *words: str) -> Daemon:
        return self.start_as(self.argv(*words))

    def start_as(self, argv: list[str]) -> Daemon:
        process = self._popen(argv)
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("Log in with"):
            line = process.stdout.readline()
            assert line, f"ended before it listened: {process.communicate()[1]}"
            lines.append(line.rstrip("\n"))
        return Daemon(process, lines)

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return self._popen(self.argv(*words))

    def _popen(self, argv: list[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env,
            cwd=TREE,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def ssh(self, daemon: Daemon, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Log in with the command the server itself shows."""
        shown = daemon.lines[-1].removeprefix("Log in with: ").split()
        known = self.folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{daemon.port} " + self.host_key.with_suffix(".pub").read_text(encoding="utf-8"))
        options = ["-F", "none", f"-oUserKnownHostsFile={known}", "-oBatchMode=yes", "-i", str(self.identity.openssh)]
        argv = [require_tool(shown[0], "openssh-client"), *options, *words, *shown[1:], command]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)

    def stop(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            with process:  # closes its pipes, also those a test closed
                pass


def fingerprint_of(key: Path) -> str:
    keygen = [require_tool("ssh-keygen", "openssh-client"), "-lf", str(key)]
    return subprocess.run(keygen, capture_output=True, text=True, check=True).stdout.split()[1]


@pytest.fixture
def daemons(tmp_path: Path, identity: Identity) -> Iterator[Daemons]:
    started = Daemons(tmp_path, identity)
    yield started
    started.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_start_to_end(daemons: Daemons, number: signal.Signals) -> None:
    daemon = daemons.start()
    assert daemon.lines[0] == f"Server listening on 127.0.0.1 port {daemon.port}."
    assert "SHA256:" in daemon.lines[1]
    assert daemon.lines[1] == f"Host key: ED25519 {fingerprint_of(daemons.host_key)}"
    result = daemons.ssh(daemon, "echo out; echo err >&2; exit 5")
    assert (result.returncode, result.stdout, result.stderr) == (5, "out\n", "err\n")
    daemon.process.send_signal(number)
    _, errors = daemon.process.communicate(timeout=SECONDS)
    assert daemon.process.returncode == 0
    assert f"accepted key {daemons.identity_fingerprint()}" in errors
    assert f"Received signal {int(number)}; terminating." in errors


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("AuthorizedKeysFile=none", "AuthorizedKeysFile is none, and there are no TrustedUserCAKeys"),
        ("PubkeyAuthentication=no", "PubkeyAuthentication is no"),
    ],
)
def test_a_server_that_nobody_can_log_in_to_is_refused(daemons: Daemons, option: str, why: str) -> None:
    for words in (["-t"], ["-p", "0"]):
        done = ended(daemons, *words, "-o", option)
        assert (done.returncode, done.stdout) == (255, "")
        assert f"nobody could log in (got {why}, and there is no password). Allow keys" in done.stderr


def test_authorities_are_a_way_in_and_so_is_a_file_that_may_come(daemons: Daemons) -> None:
    authority = make_authority(daemons.folder).with_suffix(".pub")
    for options in (
        ["-o", "AuthorizedKeysFile=none", "-o", f"TrustedUserCAKeys={authority}"],
        ["-o", "AuthorizedKeysFile=/no/such/file"],
    ):
        done = ended(daemons, "-t", *options)
        assert done.returncode == 0, done.stderr


def ended(daemons: Daemons, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [*SSHD, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS, env=daemons.env, cwd=TREE)


def test_the_host_key_is_private_and_stays(daemons: Daemons) -> None:
    first = daemons.start()
    assert stat.S_IMODE(daemons.host_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(daemons.host_key.parent.stat().st_mode) == 0o700
    assert daemons.start().lines[1] == first.lines[1]
    assert sorted(path.name for path in daemons.host_key.parent.iterdir()) == ["host_ed25519", "host_ed25519.pub"]


def test_servers_that_start_at_once_have_one_key(daemons: Daemons) -> None:
    processes = [daemons.popen() for _ in range(3)]
    keys = set()
    for process in processes:
        assert process.stdout is not None
        keys.add([process.stdout.readline() for _ in range(2)][1])
    assert len(keys) == 1


def test_sessions_end_with_the_server(daemons: Daemons) -> None:
    daemon = daemons.start()
    known = daemons.ssh(daemon, "true")
    assert known.returncode == 0
    shown = daemon.lines[-1].removeprefix("Log in with: ").split()
    options = ["-F", "none", f"-oUserKnownHostsFile={daemons.folder}/known_hosts", "-i", str(daemons.identity.openssh)]
    client = subprocess.Popen(
        [*shown[:1], *options, *shown[1:], "echo ready; sleep 600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert client.stdout is not None
    assert client.stdout.readline() == b"ready\n"
    daemon.process.terminate()
    assert daemon.process.wait(SECONDS) == 0
    client.communicate(timeout=SECONDS)
    assert client.returncode == 255


def test_it_ends_with_its_input(daemons: Daemons) -> None:
    daemon = daemons.start("--until-eof")
    assert daemon.process.stdin is not None
    daemon.process.stdin.close()
    assert daemon.process.wait(SECONDS) == 0


def test_options(daemons: Daemons, tmp_path: Path) -> None:
    config = tmp_path / "sshd_config"
    config.write_text("SetEnv WORD=from-file\nForceCommand echo $WORD $SSH_ORIGINAL_COMMAND\nUsePAM no\n")
    log = tmp_path / "log"
    daemon = daemons.start("-f", str(config), "-o", "SetEnv=WORD=from-line", "-D", "-e", "-q", "-E", str(log))
    assert daemons.ssh(daemon, "asked").stdout == "from-line asked\n"
    assert log.read_text(encoding="utf-8") == ""
    other = daemons.start("-h", str(daemons.identity.openssh), "-o", "ListenAddress=127.0.0.1", "-q")
    assert other.lines[1] == f"Host key: ED25519 {daemons.identity_fingerprint()}"


def test_a_key_that_is_not_authorized(daemons: Daemons) -> None:
    daemons.keys.write_text("# nobody\n", encoding="utf-8")
    result = daemons.ssh(daemons.start(), "true")
    assert result.returncode == 255
    assert "Permission denied (publickey)" in result.stderr


def test_a_client_without_a_post_quantum_exchange(daemons: Daemons, peer_clients: PeerClients) -> None:
    """Debian's dbclient: the server's log has the word that lets it in."""
    word = "KexAlgorithms=+curve25519-sha256"

    def dbclient(daemon: Daemon) -> subprocess.CompletedProcess[bytes]:
        user = daemon.lines[-1].split()[-1].partition("@")[0]
        return peer_clients.dbclient("127.0.0.1", daemon.port, user, "echo in", identity=daemons.identity).run(b"")

    strict = daemons.start()
    done = dbclient(strict)
    assert done.returncode != 0
    strict.process.terminate()
    assert f"allow what they offer with {word}." in strict.process.communicate(timeout=SECONDS)[1]
    done = dbclient(daemons.start("-o", word))
    assert (done.returncode, done.stdout) == (0, b"in\n"), done.stderr


def test_a_password_is_asked_for_and_lets_in(daemons: Daemons) -> None:
    words = daemons.argv("--password")
    server = pexpect.spawn(words[0], words[1:], encoding="utf-8", timeout=SECONDS, cwd=str(TREE), env=daemons.env)
    try:
        for _ in range(2):
            server.expect(r": $")
            server.sendline("open sesame")
        server.expect(r"ssh -p (\d+) (\S+)\r\n")
        assert server.match is not None
        port, destination = server.match.groups()
        options = ["-F", "none", "-oUserKnownHostsFile=/dev/null", "-oStrictHostKeyChecking=no"]
        options += ["-oPubkeyAuthentication=no", "-p", port]
        client = pexpect.spawn(
            require_tool("ssh", "openssh-client"), [*options, destination, "echo in"], encoding="utf-8", timeout=SECONDS
        )
        client.expect("assword:")
        client.sendline("open sesame")
        client.expect_exact("in\r\n")
        client.expect(pexpect.EOF)
        client.close()
        assert client.exitstatus == 0
    finally:
        server.close(force=True)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-p", "x"], "Bad port"),
        (["--nonsense"], "unrecognized"),
        (["-o", "AllowUsers=x"], "nobody could log in"),
        (["-o", "ChrootDirectory=/srv"], "ChrootDirectory /srv is not supported"),
        (["-o", "AllowUser=x"], "Did you mean AllowUsers"),
        (["--password", "-o", "PasswordAuthentication=no"], "PasswordAuthentication is no"),
        (["-o", "PasswordAuthentication=yes"], "--password"),
        (["-o", "PubkeyAuthentication=no"], "nobody could log in"),
        (["-h", "/no/such/key"], "/no/such/key"),
        (["-f", "/no/such/file"], "No such file"),
        (["-E", "/no/such/folder/log"], "Couldn't open logfile"),
        (["-o", "Subsystem=sftp internal-sftp"], "Subsystem sftp internal-sftp is not supported: "),
        (["-t", "-o", "ForceCommand=internal-sftp -R"], "ForceCommand internal-sftp is not supported: "),
        (["-o", "Ciphers=nonsense"], "nonsense"),
        (["-t", "-o", "Ciphers=nonsense"], "nonsense"),
        (["--password"], "no terminal"),
    ],
)
def test_what_cannot_be(daemons: Daemons, words: list[str], text: str) -> None:
    process = daemons.popen(*words)
    output, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, output) == (255, "")
    assert text in errors
    assert "Traceback" not in errors


def test_several_ports(daemons: Daemons) -> None:
    ports: list[int] = []
    while len(ports) < 3:
        ports += {free_port()} - {*ports}
    first, second, own = ports
    words = ["-o", f"Port={first}", "-o", f"Port={second}", "-o", "ListenAddress=127.0.0.1"]
    words += ["-o", f"ListenAddress=127.0.0.1:{own}"]
    argv = daemons.argv(*words)
    at = argv.index("-p")
    daemon = daemons.start_as([*argv[:at], *argv[at + 2 :]])
    assert daemon.lines[:3] == [f"Server listening on 127.0.0.1 port {port}." for port in ports]
    for port in ports:
        lenient = ["-o", "StrictHostKeyChecking=no", "-p", str(port)]
        assert daemons.ssh(daemon, "echo $SSH_CONNECTION", *lenient).stdout.split()[-1:] == [str(port)]


def test_a_port_of_the_command_line_precedes_port_but_not_that_of_an_address(daemons: Daemons) -> None:
    own = free_port()
    words = ["-o", f"Port={own}", "-o", f"ListenAddress=127.0.0.1:{own}", "-o", "ListenAddress=127.0.0.1"]
    daemon = daemons.start(*words)
    assert daemon.port == own
    assert daemon.lines[1].startswith("Server listening on 127.0.0.1 port ")
    assert daemon.lines[2].startswith("Host key: ")
    assert daemon.lines[1] != daemon.lines[0]


def test_a_second_port_in_use(daemons: Daemons) -> None:
    daemon, other = daemons.start(), free_port()
    places = [f"ListenAddress=127.0.0.1:{port}" for port in (other, daemon.port)]
    process = daemons.popen("-o", places[0], "-o", places[1])
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 255
    assert f"cannot listen on 127.0.0.1 port {daemon.port}" in errors


def test_a_port_in_use(daemons: Daemons) -> None:
    daemon = daemons.start()
    process = daemons.popen("-p", str(daemon.port))
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 255
    assert "cannot listen" in errors


@pytest.mark.parametrize(("words", "status"), [(["-t"], 0), (["--help"], 0)])
def test_what_only_answers(daemons: Daemons, words: list[str], status: int) -> None:
    process = daemons.popen(*words)
    process.communicate(timeout=SECONDS)
    assert process.returncode == status


@pytest.mark.skipif(os.geteuid() != 0, reason="only a server of root's asks PermitRootLogin")
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-o", "PermitRootLogin=no"], "it runs as root, and PermitRootLogin is no"),
        (["--password", "-o", "PermitRootLogin=without-password"], "PermitRootLogin is prohibit-password"),
    ],
)
def test_root_who_may_not_log_in(daemons: Daemons, words: list[str], text: str) -> None:
    process = daemons.popen("-t", *words)
    output, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, output) == (255, "")
    assert text in errors


def test_rules_of_a_file_are_kept(daemons: Daemons, tmp_path: Path) -> None:
    included = tmp_path / "included"
    included.write_text("Compression no\nMatch User nobody-like-that\nForceCommand echo other\n", encoding="utf-8")
    config = tmp_path / "sshd_config"
    config.write_text(
        f"Include {included}\nUsePAM yes\nPermitRootLogin prohibit-password\nX11Forwarding yes\nMatch User *\n"
        "ForceCommand echo forced\n",
        encoding="utf-8",
    )
    refused = daemons.popen("-f", str(config))
    assert f"{config} line 2: UsePAM yes is not supported" in refused.communicate(timeout=SECONDS)[1]
    daemon = daemons.start("-f", str(config), "-o", "UsePAM=no")
    result = daemons.ssh(daemon, "echo asked", "-v", "-oCompression=yes")
    assert result.stdout == "forced\n"
    assert "compression: none" in result.stderr
