"""Keywords of a person's ssh_config act in %ssh as they do in a shell."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.kernels import write_config


def test_keywords_of_a_file_act_in_a_cell(kernel_with, sshd, tmp_path: Path) -> None:
    config = write_config(tmp_path, box=sshd)
    made = tmp_path / "made"
    before = f"""
Match exec "test %n = run"
    RemoteCommand echo remote %n
    SendEnv LC_SENT
Match originalhost local exec "true"
    PermitLocalCommand yes
    LocalCommand echo %n > {made}
Match originalhost idle
    SessionType none
Match originalhost gone
    RefuseConnection it went away
Match originalhost tty
    RequestTTY force
Match tagged special
    SetEnv LC_TAG=tagged
Match originalhost fork
    ForkAfterAuthentication yes
Host run local idle gone tty fork
    HostName {sshd.host}
    Port {sshd.port}
    User {sshd.user}
    IdentityFile {sshd.client_key}
    UserKnownHostsFile {sshd.known_hosts}
"""
    config.write_text(before + config.read_text())
    kernel = kernel_with(config)
    assert kernel.run("%ssh run").stdout == "remote run\n"
    assert kernel.run("%%ssh run\nnever read").stdout == "remote run\n"
    assert "Cannot execute command-line and remote command" in kernel.run("%ssh run true").traceback
    assert kernel.run("%ssh -o RemoteCommand=none run echo other").stdout == "other\n"
    kernel.run("%ssh local true")
    assert made.read_text() == "local\n"
    idle = kernel.run("%ssh idle 'echo not run'")
    assert (idle.stdout, "connected" in idle.result["text/plain"]) == ("", True)
    assert "it went away" in kernel.run("%ssh gone").traceback
    assert "not a tty" not in kernel.run("%ssh tty tty").stdout
    assert kernel.run("%ssh -P special box 'echo $LC_TAG'").stdout == "tagged\n"
    kernel.run("%ssh --out out --bg fork 'echo out'")
    assert kernel.value("out.read().result()") == b"out\n"
    assert kernel.run("%ssh fork 'echo unseen'").stdout == ""
