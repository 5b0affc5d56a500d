"""``jupyter-ssh keygen``: keys, certificates, signatures and known_hosts, with ssh-keygen(1)'s options and output."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence

from jupyter_ssh.commands.interrupts import die_by
from jupyter_ssh.commands.keys.console import TerminalConsole
from jupyter_ssh.commands.messages import PROGRAM
from jupyter_ssh.kernel.person import current_person
from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.errors import KeygenError, SSHError
from jupyter_ssh.ssh.keygen import parse, run, usage

FAILURE = 255
WRONG_USAGE = 1
WITHOUT_ANSWER = "Run it in a terminal, or give the passphrase with -N or -P; -N '' means none"


def main(argv: Sequence[str]) -> int:
    """Run the command line after ``jupyter-ssh keygen``; return the exit status that ssh-keygen would have."""
    if "--help" in argv[:1]:
        sys.stdout.write(usage())
        return 0
    console = TerminalConsole(WITHOUT_ANSWER)
    try:
        run(parse(argv), console, current_person(), time.time())
        console.flush()
        return 0
    except Usage as error:
        console.say(f"{error.message}\n{usage()}")
        return WRONG_USAGE
    except KeygenError as error:
        if not error.silent:
            console.say(_text(error))
        return error.status
    except SSHError as error:
        console.say(f"{PROGRAM}: {error}")
        return FAILURE
    except BrokenPipeError:
        console.abandon()
        return FAILURE
    except KeyboardInterrupt:
        die_by(signal.SIGINT)
        return FAILURE


def _text(error: KeygenError) -> str:
    """Return ssh-keygen's line, and below it the details that ssh-keygen does not give."""
    differs = [f"{word} {value}" for word, value in (("expected", error.expected), ("got", error.received)) if value]
    more = [*([", ".join(differs)] if differs else []), *([error.next_step] if error.next_step else [])]
    return "\n".join([error.message, *(f"  {line}" for line in more)])
