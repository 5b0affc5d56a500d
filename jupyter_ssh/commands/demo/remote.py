"""The remote machine of the demo: this one, through a server with throw-away keys, or a real host of the user.

In both cases an ssh_config calls it ``demo``.  The environment variable JUPYTER_SSH_CONFIG makes the kernel read that
file, so that ``%ssh demo`` works.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from jupyter_ssh.kernel.hosts import CONFIG_VARIABLE
from jupyter_ssh.ssh.config import default_files
from jupyter_ssh.ssh.errors import ConfigError, ConnectError
from jupyter_ssh.ssh.net.owner import home_folder
from jupyter_ssh.ssh.net.private_socket import PrivateFolder

if TYPE_CHECKING:
    from jupyter_ssh.commands.messages import Messages
    from jupyter_ssh.ssh.config import Options

ALIAS = "demo"
FOLDERS = "jupyter_ssh_demo-"
"""How the names of the demo's temporary folders begin."""
_LISTENING = re.compile(r"Server listening on (\S+) port (\d+)\.")
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
# Options of the connection itself; the demo decides about host and key, whatever a file says.
_NOT_COPIED = frozenset({"remote_command", "request_tty", "session_type", "stdin_null", "log_level", "host_name"})


@contextmanager
def embedded_remote(messages: Messages) -> Iterator[dict[str, str]]:
    """Run a server on the loopback interface with its own keys during the block.

    Yields the environment variables for the kernel.  Raises `ConnectError` if the server does not start.
    """
    with private_folder() as folder:
        user_key, host_key = _make_keys(folder)
        with _server(folder, host_key) as (host, port, user):
            place = f"[{host}]:{port}"
            public = Path(f"{host_key}.pub").read_text(encoding="utf-8").split()
            (folder / "known_hosts").write_text(f"{place} {public[0]} {public[1]}\n", encoding="utf-8")
            lines = [
                f"Host {ALIAS}",
                f"    HostName {host}",
                f"    Port {port}",
                f"    User {user}",
                f"    IdentityFile {_quoted(str(user_key))}",
                "    IdentitiesOnly yes",
                f"    UserKnownHostsFile {_quoted(str(folder / 'known_hosts'))}",
                "    GlobalKnownHostsFile none",
                "    StrictHostKeyChecking yes",
            ]
            yield _written(folder, lines, messages)


@contextmanager
def real_remote(destination: str, messages: Messages) -> Iterator[dict[str, str]]:
    """Use a host of the user, with their ssh_config, keys and known_hosts.

    Connects once where questions can be asked, as its host key may be new.  Raises `SSHError`.
    """
    from jupyter_ssh.ssh.client.connecting import resolve_options

    options = resolve_options(destination, None, (), {})
    asyncio.run(_try_out(options, messages))
    with private_folder() as folder:
        yield _written(folder, config_lines(options), messages)


def config_lines(options: Options) -> list[str]:
    """Return a Host block with the resolved options of a destination, under the name of the demo."""
    from jupyter_ssh.ssh.config.keywords import ROWS
    from jupyter_ssh.ssh.config.values import PATH, arguments_of

    lines = [f"Host {ALIAS}", f"    HostName {options.host_name.replace('%', '%%')}"]
    for row in ROWS:
        value = getattr(options, row.option)
        if row.own or row.option in _NOT_COPIED or value is None:
            continue
        if not options.given(row.option) and row.option not in ("user", "port"):
            continue
        if row.kind.raw or (row.gathers and row.kind is not PATH):
            lines += [f"    {row.name} {text}" for text in row.kind.write(value)]
        elif row.gathers:
            lines += [f"    {row.name} {_quoted(text)}" for text in value]
        else:
            words = arguments_of(value, row.kind) or ["none"]
            lines.append(f"    {row.name} {' '.join(map(_quoted, words))}")
    return lines


async def _try_out(options: Options, messages: Messages) -> None:
    from jupyter_ssh.commands.prompts import TerminalPrompts
    from jupyter_ssh.ssh.client.connecting import open_connection

    connection = await open_connection(options, TerminalPrompts(messages))
    for text in connection.messages:
        messages.say(text)
    await connection.close()


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a temporary folder that is removed afterwards."""
    # It will contain keys: what a killed demo left is removed by the next one.
    folder = PrivateFolder(FOLDERS, with_files=True)
    try:
        yield folder.path
    finally:
        folder.remove()


def _make_keys(folder: Path) -> tuple[Path, Path]:
    from jupyter_ssh.ssh.keys import generate, save_private_key

    user_key, host_key = folder / "id_ed25519", folder / "host_ed25519"
    for path in (user_key, host_key):
        save_private_key(path, generate("ed25519", comment="jupyter-ssh demo"))
    return user_key, host_key


@contextmanager
def _server(folder: Path, host_key: Path) -> Iterator[tuple[str, int, str]]:
    """Run ``jupyter-ssh sshd`` as a process that ends with our end of its standard input, however we end."""
    words = ["-p", "0", "-h", str(host_key), "-o", f"AuthorizedKeysFile={_quoted(str(folder / 'id_ed25519.pub'))}"]
    # Commands have the same PATH as this process, with python3 in any case.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)])
    words += ["-o", f"SetEnv={_quoted(f'PATH={path}')}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_ssh.commands", "sshd", *words, "-E", str(folder / "log"), "--until-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is meant for us: sessions end first, then the server
        text=True,
        encoding="utf-8",
    )
    try:
        yield _where(process)
    finally:
        _stop(process)


def _where(process: subprocess.Popen[str]) -> tuple[str, int, str]:
    """Read the server's host, port and user from its first lines."""
    host, port = "", 0
    assert process.stdout is not None
    for line in process.stdout:
        if match := _LISTENING.match(line):
            host, port = match[1], int(match[2])
        elif line.startswith("Log in with:"):
            return host, port, line.split()[-1].rpartition("@")[0]
    assert process.stderr is not None
    raise ConnectError("the demo's server did not start", phase="demo", received=process.stderr.read().strip()[-500:])


def _stop(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        _close(pipe)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        pipe.close()


def _written(folder: Path, lines: Sequence[str], messages: Messages) -> dict[str, str]:
    """Write the ssh_config and return the variable that names it.

    For all other hosts the user's own files apply, so that they can continue with a real host in the same notebook; if
    one of these files cannot be read, the demo must work nevertheless.
    """
    path = folder / "ssh_config"
    try:
        own = [str(file.path) for file in default_files(home_folder()) if file.path.is_file()]
    except ConfigError:
        own = []
    others = [f"Host * !{ALIAS}", *(f"    Include {_quoted(name)}" for name in own)] if own else []
    _write_config(path, [*lines, *others])
    from jupyter_ssh.ssh.client.connecting import resolve_options

    try:
        resolve_options(ALIAS, path, (), {})
    except ConfigError as error:
        messages.say(f"Your own ssh_config is not used in the demo: {error.message}")
        _write_config(path, lines)
    return {CONFIG_VARIABLE: os.fspath(path)}


def _write_config(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")


def _quoted(word: str) -> str:
    """Return a word for ssh_config, quoted if it contains blanks, quotes or a comment sign."""
    if word and not re.search(r"[\s\"'#\\]", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
