"""``jupyter-ssh``: the stack on a shell. Each subcommand is a module that is imported when it is called for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

# name -> (module with a main(argv) -> exit status, what it does)
SUBCOMMANDS = {
    "add": ("jupyter_ssh.commands.keys.add", "put keys into an agent, take them out, list them"),
    "agent": ("jupyter_ssh.commands.keys.agent", "keep keys for other programs, as ssh-agent does"),
    "demo": ("jupyter_ssh.commands.demo.main", "a notebook whose cells run on a throw-away remote machine"),
    "keygen": ("jupyter_ssh.commands.keys.keygen", "make, show and change keys, certificates and signatures"),
    "ssh": ("jupyter_ssh.commands.ssh.main", "run a command or a shell on a remote machine"),
    "sshd": ("jupyter_ssh.commands.sshd.main", "let others log in to this account"),
}


def usage() -> str:
    """Return the text of ``jupyter-ssh --help``."""
    lines = ["usage: jupyter-ssh [--help | --version] command [options]", ""]
    lines += [f"  {name:<6} {meaning}" for name, (_, meaning) in SUBCOMMANDS.items()]
    return "\n".join([*lines, "", "jupyter-ssh command --help says more about a command.", ""])


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``jupyter-ssh``; returns the exit status (255 for our own failures, as OpenSSH's programs do)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        sys.stderr.write(usage())
        return 255
    name = words.pop(0)
    if name in ("--help", "-h", "help"):
        sys.stdout.write(usage())
        return 0
    if name in ("--version", "-V"):
        import jupyter_ssh

        print(f"jupyter_ssh {jupyter_ssh.__version__}")
        return 0
    if name not in SUBCOMMANDS:
        sys.stderr.write(f"jupyter-ssh: unknown command {name}\n{usage()}")
        return 255
    module = import_module(SUBCOMMANDS[name][0])
    status: int = module.main(words)
    return status
