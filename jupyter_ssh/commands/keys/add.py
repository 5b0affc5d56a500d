"""``jupyter-ssh add``: add keys to an agent, remove and list them, with ssh-add(1)'s options, output and statuses."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from jupyter_ssh.commands.interrupts import die_by
from jupyter_ssh.commands.keys.console import TerminalConsole
from jupyter_ssh.commands.messages import PROGRAM
from jupyter_ssh.kernel.person import current_person
from jupyter_ssh.ssh.adding.adding import Adding
from jupyter_ssh.ssh.adding.options import SK_PROVIDER, parse, usage
from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.errors import AgentUnavailable, SSHError
from jupyter_ssh.ssh.net.agent import Agent, default_address, with_agent

T = TypeVar("T")

FAILURE = 1
NO_AGENT = 2
WITHOUT_ANSWER = "Run it in a terminal, or let a program answer that SSH_ASKPASS names, with SSH_ASKPASS_REQUIRE=force"


def main(argv: Sequence[str]) -> int:
    """Run the command line after ``jupyter-ssh add``; return the exit status that ssh-add would have."""
    if "--help" in argv[:1]:
        sys.stdout.write(usage())
        return 0
    console = TerminalConsole(WITHOUT_ANSWER)
    try:
        arguments = parse(argv)
        address = default_address(os.environ)
        if address is None:
            console.say("Could not open a connection to your authentication agent: SSH_AUTH_SOCK is not set.")
            console.say('  Start one with: eval "$(jupyter-ssh agent -s)"')
            return NO_AGENT

        def ask(work: Callable[[Agent], Awaitable[T]]) -> T:
            console.flush()
            return asyncio.run(with_agent(address, work))

        provider = os.environ.get(SK_PROVIDER)
        status = Adding(arguments, console, current_person(), ask, sk_provider=provider).run()
        console.flush()
        return status
    except Usage as error:
        console.say(f"{error.message}\n{usage()}")
        return FAILURE
    except AgentUnavailable as error:
        console.say(f"Error connecting to agent: {error}")
        return NO_AGENT
    except SSHError as error:
        console.say(f"{PROGRAM}: {error}")
        return FAILURE
    except BrokenPipeError:
        console.abandon()
        return FAILURE
    except KeyboardInterrupt:
        die_by(signal.SIGINT)
        return FAILURE
