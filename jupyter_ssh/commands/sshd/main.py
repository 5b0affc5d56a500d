"""``jupyter-ssh sshd``: serve logins to this account, by default on the loopback interface only."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from jupyter_ssh.commands.interrupts import Interrupts
from jupyter_ssh.commands.messages import PROGRAM, Messages
from jupyter_ssh.commands.sshd.config import ServerConfigReader, authorized_keys_files
from jupyter_ssh.commands.sshd.keywords import ServerConfig
from jupyter_ssh.commands.sshd.matching import MatchAccount
from jupyter_ssh.ssh.errors import ConfigError, SSHError

if TYPE_CHECKING:
    from jupyter_ssh.ssh.server.listening import Server
    from jupyter_ssh.ssh.server.logins.accounts import Account

FAILURE = 255
DEFAULT_PORT = 2222  # an ordinary user may not listen on 22
INTERNAL_SFTP = "internal-sftp"
LOOPBACKS = frozenset({"127.0.0.1", "::1", "localhost"})

_DESCRIPTION = """\
An SSH server that runs as an ordinary user: whoever has a key in ~/.ssh/authorized_keys gets access to this account.
It listens on 127.0.0.1 only, unless configured with -o ListenAddress=ADDRESS, and stays in the foreground.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, phase="options", next_step="See jupyter-ssh sshd --help.")


def _parser() -> argparse.ArgumentParser:
    # Without add_help, because sshd's -h is the host key.
    parser = _Parser(prog="jupyter-ssh sshd", description=_DESCRIPTION, allow_abbrev=False, add_help=False)
    add = parser.add_argument
    add("--help", action="help", help="show this help and exit")
    add("-p", dest="port", metavar="port", type=_port, help=f"port, 0 for any free one (default {DEFAULT_PORT})")
    add("-h", dest="host_keys", metavar="file", action="append", default=[], help="host key file; may be repeated")
    add(
        "-o",
        dest="options",
        metavar="option",
        action="append",
        default=[],
        help="an option as in sshd_config",
    )
    add("-f", dest="config", metavar="file", help="read options from this sshd_config (default: none)")
    add("-E", dest="log_file", metavar="file", help="append log messages to this file")
    add("-q", dest="quiet", action="store_true", help="quiet")
    add("-d", dest="debug", action="store_true", help="verbose")
    add("-t", dest="test", action="store_true", help="check options and keys, and exit")
    add("-g", dest="grace", metavar="time", help="time allowed for logging in (LoginGraceTime)")
    add(
        "-D",
        "-e",
        dest="foreground",
        action="store_true",
        help="no effect: it stays in the foreground anyway",
    )
    add("--password", action="store_true", help="ask now for a password that is accepted in addition to keys")
    add("--until-eof", action="store_true", help="exit at the end of standard input")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"Bad port '{text}'")
    return int(text)


def main(argv: Sequence[str]) -> int:
    """Run the command line after ``jupyter-ssh sshd`` until SIGINT or SIGTERM; return the exit status."""
    try:
        arguments = _parser().parse_args(list(argv))
        reader = ServerConfigReader(_account_to_match())
        if arguments.grace is not None:
            reader.take_line(f"LoginGraceTime {arguments.grace}", "-g")
        for option in arguments.options:
            reader.take_line(option, "command line")
        if arguments.config is not None:
            reader.read(Path(os.path.expanduser(arguments.config)))
        config = reader.config
        messages = _messages(arguments, config.log_level)
    except SSHError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return FAILURE
    messages.attach()
    try:
        for text in reader.ignored:
            messages.say(text, "DEBUG1")
        return asyncio.run(_Daemon(arguments, config, messages).run())
    except SSHError as error:
        messages.say(f"{PROGRAM}: {error}", "FATAL")
    except KeyboardInterrupt:  # if signals cannot be watched (Windows)
        return 0
    finally:
        messages.close()
    return FAILURE


def _account_to_match() -> MatchAccount:
    from jupyter_ssh.ssh.server.logins.accounts import current_account, group_names

    account = current_account()
    return MatchAccount(account.name, group_names(account))


def _messages(arguments: argparse.Namespace, level: str) -> Messages:
    level = "QUIET" if arguments.quiet else "DEBUG1" if arguments.debug else level
    try:
        # A server's log should say who logged in, so the stack's INFO is INFO here.
        return Messages(level, arguments.log_file, info_from="INFO")
    except OSError as error:
        raise ConfigError(f"Couldn't open logfile {arguments.log_file}: {error.strerror}", phase="options") from None


class _Daemon:
    """The server of one command line."""

    def __init__(self, arguments: argparse.Namespace, config: ServerConfig, messages: Messages) -> None:
        self._arguments = arguments
        self._config = config
        self._messages = messages
        self._ended = asyncio.Event()

    async def run(self) -> int:
        from jupyter_ssh.ssh.server.listening import listen

        host_keys = self._host_keys()
        options = self._options()
        places = [(self._loopback, 0)] if self._arguments.test else self._places()
        server = await listen(places, host_keys=host_keys, **options)
        async with server:
            if not self._arguments.test:
                self._announce(server)
                await self._until_end()
        return 0

    def _host_keys(self) -> list[str]:
        given = [*self._arguments.host_keys, *self._config.host_keys]
        if given:
            return [os.path.expanduser(path) for path in given]
        from jupyter_ssh.commands.sshd.state_folder import host_key_file, state_folder

        return [str(host_key_file(state_folder()))]

    def _options(self) -> dict[str, Any]:
        from jupyter_ssh.ssh.server.logins.accounts import current_account

        config, account = self._config, current_account()
        options = dict(config.options)
        _check_without_sftp(options)
        if config.public_keys:
            names = [".ssh/authorized_keys"] if config.authorized_keys is None else config.authorized_keys
            options["authorized_keys"] = authorized_keys_files(names, account.name, Path(account.home))
        else:
            options.pop("trusted_user_ca_keys", None)
        if config.principals is not None:
            files = authorized_keys_files([config.principals], account.name, Path(account.home))
            options["authorized_principals"] = files
        if not config.forwarding:
            options |= {"allow_tcp_forwarding": False, "allow_agent_forwarding": False}
        if self._arguments.password:
            _check_passwords_allowed(config, account)
            options["passwords"] = _ask_password(account.name)
        elif config.passwords:
            raise ConfigError(
                "PasswordAuthentication needs a password that this server knows",
                phase="options",
                next_step="Start it with --password, which asks for one. The account's own password is never used.",
            )
        _check_a_way_in(config, options)
        return options

    def _places(self) -> list[tuple[str, int]]:
        """Return the addresses to listen on, each with its port: its own, or else all of Port, or that of ``-p``."""
        given = self._arguments.port
        ports = (self._config.ports or [DEFAULT_PORT]) if given is None else [given]
        everywhere = "::" if self._version6 else "0.0.0.0"
        return [
            (everywhere if host == "*" else host, port)
            for host, own in self._config.addresses or [(self._loopback, None)]
            for port in (ports if own is None else [own])
        ]

    @property
    def _version6(self) -> bool:
        return self._config.options.get("address_family") == "inet6"

    @property
    def _loopback(self) -> str:
        return "::1" if self._version6 else "127.0.0.1"

    def _announce(self, server: Server) -> None:
        """Print what is needed to log in, to stdout, where programs can read it too."""
        lines = [f"Server listening on {host} port {port}." for host, port in server.addresses]
        lines += [f"Host key: {key.public.nickname} {key.public.fingerprint}" for key in server.host_keys]
        host, port = server.addresses[0]
        lines.append(f"Log in with: ssh -p {port} {server.account.name}@{host}")
        if not {host for host, _ in server.addresses} <= LOOPBACKS:
            lines.append("Other machines can reach this server: keep authorized_keys short.")
        try:
            print("\n".join(lines), flush=True)
        except OSError:
            pass  # stdout is not read

    async def _until_end(self) -> None:
        interrupts = Interrupts()
        interrupts.watch(self._ended.set)
        watching = asyncio.ensure_future(self._watch_input()) if self._arguments.until_eof else None
        try:
            await self._ended.wait()
        finally:
            if watching is not None:
                watching.cancel()
        if interrupts.received is not None:
            self._messages.say(f"Received signal {int(interrupts.received)}; terminating.")

    async def _watch_input(self) -> None:
        """End when the process at the other end of standard input ends, in whatever way."""
        from jupyter_ssh.commands.streams import Source

        source = Source(0)
        try:
            while await source.read():
                pass
        except OSError:
            pass
        self._ended.set()


def _check_without_sftp(options: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for OpenSSH's built-in SFTP server, which no program of that name stands in for."""
    commands = {f"Subsystem {name}": command for name, command in options.get("subsystems", {}).items()}
    commands["ForceCommand"] = options.get("force_command") or ""
    for what, command in commands.items():
        if command.split()[:1] == [INTERNAL_SFTP]:
            raise ConfigError(
                f"{what} {INTERNAL_SFTP} is not supported: this server has no SFTP of its own yet",
                phase="options",
                next_step="Name a program, such as /usr/lib/openssh/sftp-server, or leave the line out.",
            )


def _check_a_way_in(config: ServerConfig, options: Mapping[str, Any]) -> None:
    """Raise `ConfigError` if neither a key nor a password could ever let anybody in."""
    if options.get("authorized_keys") or options.get("trusted_user_ca_keys") or options.get("passwords"):
        return
    why = "AuthorizedKeysFile is none, and there are no TrustedUserCAKeys"
    raise ConfigError(
        "nobody could log in",
        phase="options",
        received=f"{why if config.public_keys else 'PubkeyAuthentication is no'}, and there is no password",
        next_step="Allow keys, or start it with --password, which asks for one.",
    )


def _check_passwords_allowed(config: ServerConfig, account: Account) -> None:
    """Raise `ConfigError` if a password is asked for that could never let anybody in."""
    root_login = config.options.get("permit_root_login", "yes")
    if config.passwords is False:
        why = "PasswordAuthentication is no"
    elif account.root and root_login != "yes":
        why = f"this server runs as root, and PermitRootLogin is {root_login}"
    else:
        return
    raise ConfigError(f"--password contradicts the configuration: {why}", phase="options")


def _ask_password(user: str) -> Any:
    """Ask twice for a password and return a table with its hash."""
    from jupyter_ssh.ssh.server.logins.passwords import PasswordTable

    try:
        password = getpass.getpass(f"Password for {user} to log in with: ")
        again = getpass.getpass("Retype the password: ")
    except (EOFError, OSError):
        raise ConfigError("there is no terminal to ask for a password", phase="options") from None
    if not password or password != again:
        raise ConfigError("the passwords do not match" if password else "the password is empty", phase="options")
    return PasswordTable.from_passwords({user: password})
