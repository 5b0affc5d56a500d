"""Questions while a cell connects: host keys, passwords, passphrases, and nobody to ask."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import generate, load_public_key
from tests.notebook.kernels import write_config
from tests.notebook.remotes import embedded_server
from tests.support.identities import ssh_keygen
from tests.support.network.name_servers import World

SECRET_OPTIONS = "-o PubkeyAuthentication=no -o NumberOfPasswordPrompts=3"


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    """A file that knows nobody yet."""
    return tmp_path / "known_hosts"


def with_file(known_hosts: Path) -> str:
    return f"-o UserKnownHostsFile={known_hosts}"


@pytest.mark.parametrize("answer", ["yes", "YES", "fingerprint"])
def test_an_unknown_host_is_asked_about_and_remembered(kernel, embedded, known_hosts, answer):
    fingerprint = embedded.host_key_fingerprint
    typed = fingerprint if answer == "fingerprint" else answer
    cell = kernel.run(f"%ssh {with_file(known_hosts)} ours echo in", answers=[typed])
    assert cell.stdout.endswith("\nin\n")
    assert fingerprint in cell.stdout
    assert "[SHA256]" in cell.stdout  # the key's picture
    assert str(known_hosts) in cell.stdout
    assert cell.stderr == ""
    assert [password for _, password in cell.questions] == [False]
    assert "ssh-ed25519" in known_hosts.read_text()
    kernel.run("%ssh_close --all")
    assert kernel.run(f"%ssh {with_file(known_hosts)} ours echo in").stdout == "in\n"


def test_an_answer_that_is_none_is_asked_for_again(kernel, known_hosts):
    cell = kernel.run(f"%ssh {with_file(known_hosts)} ours echo in", answers=["y", "maybe", "yes"])
    assert cell.stdout.endswith("\nin\n")


@pytest.mark.parametrize("answers", [["no"], ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], ["", "", ""]])
def test_anything_else_does_not_connect(kernel, known_hosts, answers):
    cell = kernel.run(f"%ssh {with_file(known_hosts)} ours echo in", answers=answers)
    assert cell.error == "HostKeyUnknown"
    assert not known_hosts.exists()


def test_a_changed_key_is_refused_without_a_question(kernel, embedded, sshd, known_hosts):
    other = sshd.host_key_paths["ed25519"].with_suffix(".pub").read_text()
    known_hosts.write_text(f"[{embedded.host}]:{embedded.port} {other}")
    cell = kernel.run(f"%ssh {with_file(known_hosts)} ours echo in")
    assert cell.error == "HostKeyChanged"
    assert embedded.host_key_fingerprint in cell.traceback
    assert f"{known_hosts}" in cell.traceback
    assert "What may have happened:" in cell.traceback
    assert f"jupyter-ssh keygen -R '[{embedded.host}]:{embedded.port}' -f {known_hosts}" in cell.traceback


def test_what_dns_says_is_in_the_question_and_on_the_card(kernel, sshd, known_hosts, tmp_path):
    key = load_public_key(sshd.host_key_paths["ed25519"].with_suffix(".pub"))[0]
    world = World(tmp_path, key, generate("ecdsa").public)
    served = world.serve()
    try:
        options = f"{with_file(known_hosts)} -o HostKeyAlgorithms=ssh-ed25519 -o VerifyHostKeyDNS=yes"
        options += f" -o DNSResolver=127.0.0.1@{served.port} -o DNSTrustAnchors={world.anchors}"
        options += f" -o 'ProxyCommand=nc {sshd.host} {sshd.port}'"
        cell = kernel.run(f"%ssh {options} -o HostName=good.test box")
        assert cell.stdout == "Matching host key fingerprint found in DNS, validated by DNSSEC.\n"
        for face in ("text/plain", "text/html"):
            assert "matches, validated by DNSSEC" in cell.result[face]
        cell = kernel.run(f"%ssh {options} -o HostName=wrong.test box", answers=["no"])
        assert cell.error == "HostKeyUnknown"
        assert "WARNING: No matching host key fingerprint found in DNS" in cell.stdout
    finally:
        served.stop()


def test_where_nobody_can_answer_the_error_says_what_to_do(kernel, known_hosts):
    cell = kernel.run(f"%ssh {with_file(known_hosts)} ours echo in", allow_stdin=False)
    assert cell.error == "HostKeyUnknown"
    assert "accept-new" in cell.traceback
    accepting = f"%ssh {with_file(known_hosts)} -o StrictHostKeyChecking=accept-new ours echo in"
    assert kernel.run(accepting, allow_stdin=False).stdout.endswith("\nin\n")


def test_a_password_is_asked_for_and_appears_nowhere(kernel, embedded):
    cell = kernel.run(f"%ssh {SECRET_OPTIONS} ours", answers=["wrong", embedded.password])
    assert "by password" in cell.result["text/plain"]
    assert [password for _, password in cell.questions] == [True, True]
    assert cell.stdout == "That was not accepted. Please try again.\n"
    assert embedded.password not in cell.everything()
    assert embedded.password not in repr(kernel.value("[repr(value) for value in In]"))
    traces = kernel.run("%xmode Verbose\n%ssh ours -o Ciphers=none")
    assert embedded.password not in traces.everything()
    kernel.run("%xmode Context")


def test_a_wrong_password_three_times_is_the_end(kernel):
    cell = kernel.run(f"%ssh {SECRET_OPTIONS} ours", answers=["first try", "second try", "third try"])
    assert cell.error == "AuthenticationError"
    assert "first try" not in cell.everything()
    assert kernel.run("%ssh ours echo on").stdout == "on\n"


def test_a_password_that_nobody_can_type_is_no_hang(kernel):
    cell = kernel.run(f"%ssh {SECRET_OPTIONS} ours", allow_stdin=False)
    assert cell.error == "AuthenticationError"
    assert "does not support input" in cell.traceback


def test_a_passphrase_opens_a_key(kernel, sshd, tmp_path):
    passphrase = secrets.token_urlsafe(12)
    key = ssh_keygen(tmp_path / "locked", passphrase=passphrase)
    sshd.authorize(key.with_suffix(".pub").read_text())
    config = write_config(tmp_path, f"IdentityFile {key}", box=sshd)
    cell = kernel.run(f"%ssh -F {config} -o PasswordAuthentication=no box echo in", answers=["wrong", passphrase])
    assert cell.stdout == "That was not accepted. Please try again.\nin\n"
    assert [password for _, password in cell.questions] == [True, True]
    assert str(key) in cell.questions[0][0]
    assert passphrase not in cell.everything()


def test_a_question_can_be_interrupted(kernel, known_hosts):
    def interrupt(prompt: str) -> str:
        kernel.interrupt()
        return "yes"

    cell = kernel.run(f"%ssh {with_file(known_hosts)} ours echo in", answers=[interrupt])
    assert cell.error == "KeyboardInterrupt"
    assert kernel.run("%ssh ours echo on").stdout == "on\n"


def test_questions_in_an_awaiting_cell(kernel, embedded):
    kernel.run("import jupyter_ssh")
    options = "pubkey_authentication=False"
    cell = kernel.run(f"conn = await jupyter_ssh.connect_async('ours', {options})", answers=[embedded.password])
    assert cell.error is None, cell.traceback
    assert kernel.value("conn.info.method") == "password"


def test_keyboard_interactive_questions_and_the_banner(kernel, tmp_path):
    async def converse(user, ask):
        answers = await ask("Two \x1b[2Jfactors", "Please", [("Token: ", False), ("Colour? ", True)])
        return list(answers) == ["123456", "blue"]

    with embedded_server(
        tmp_path, keyboard_interactive=converse, passwords=None, banner="Only for \x1b[7mfriends\n"
    ) as remote:
        config = write_config(tmp_path, ours=remote)
        line = f"%ssh -F {config} -o PubkeyAuthentication=no ours"
        cell = kernel.run(line, answers=["123456", "blue"])
        kernel.run("%ssh_close --all")
    assert "by keyboard-interactive" in cell.result["text/plain"]
    prefix = f"({remote.user}@ours)"
    assert cell.questions == [(f"{prefix} Token: ", True), (f"{prefix} Colour? ", False)]
    assert "Only for ?[7mfriends" in cell.stdout
    assert f"{prefix} Two ?[2Jfactors\n{prefix} Please\n" in cell.stdout
    assert "123456" not in cell.everything()


def test_a_server_cannot_imitate_our_own_question(kernel, tmp_path):
    imitation = "Enter passphrase for key '/home/alice/.ssh/id_ed25519': "

    async def converse(user, ask):
        await ask("", f"Pushed a login request.\n{imitation}", [])
        return list(await ask(imitation, "", [(f"\n{imitation}", False)])) == ["an answer"]

    with embedded_server(tmp_path, keyboard_interactive=converse, passwords=None) as remote:
        config = write_config(tmp_path, ours=remote)
        cell = kernel.run(f"%ssh -F {config} -o PubkeyAuthentication=no ours", answers=["an answer"])
        kernel.run("%ssh_close --all")
    prefix = f"({remote.user}@ours) "
    assert cell.questions == [(f"\n{prefix}{imitation}", True)]
    assert cell.stdout == f"{prefix}Pushed a login request.\n{prefix}{imitation}\n{prefix}{imitation}\n"
