"""The hosts named in the user's files, for completion and for ``%ssh_hosts``."""

from __future__ import annotations

import os

from jupyter_ssh.ssh.config.resolving import resolve
from jupyter_ssh.ssh.config.ssh_config import chosen_files, hosts
from jupyter_ssh.ssh.errors import ConfigError, SSHError
from jupyter_ssh.ssh.net.owner import home_folder, login_name
from jupyter_ssh.ssh.trust.known_hosts import KnownHosts

CONFIG_VARIABLE = "JUPYTER_SSH_CONFIG"
"""The environment variable with the path of an ssh_config file that is read instead of ~/.ssh/config."""

# Kept because each Tab needs them; reread when the files change.
_known_hosts: dict[tuple[str, ...], KnownHosts] = {}


def config_file() -> str | None:
    """Return the ssh_config file that `CONFIG_VARIABLE` names; None for the usual files."""
    return os.environ.get(CONFIG_VARIABLE) or None


def known_names() -> list[str]:
    """Return the names of Host lines in ssh_config, then those in known_hosts.

    A name whose port is not 22 has the form ssh://host:port.  A file that cannot be read or parsed adds nothing.
    """
    return list(dict(named_hosts()))


def named_hosts() -> list[tuple[str, str]]:
    """Return the names of `known_names`, each with its source: "ssh_config" or "known_hosts"."""
    try:
        home = home_folder()
    except ConfigError:
        return []
    names = dict.fromkeys(hosts(chosen_files(config_file(), home), home), "ssh_config")
    try:
        # UserKnownHostsFile as the files set it for any host.
        files = chosen_files(config_file(), home)
        # Completion runs nothing: Match exec and Match localnetwork never match.
        options = resolve(
            "localhost", files=files, user_name=login_name(), home=home, run=lambda _: 1, addresses=lambda: ()
        )
        paths = (*options.user_known_hosts_file, *options.global_known_hosts_file)
        known = _known_hosts.setdefault(paths, KnownHosts(paths))
        known.refresh()
        for name in known.hosts():
            names.setdefault(_as_destination(name), "known_hosts")
    except (SSHError, OSError):
        pass
    return list(names.items())


def _as_destination(name: str) -> str:
    host, bracket, port = name[1:].partition("]:")
    if not name.startswith("[") or not bracket:
        return name
    return f"ssh://[{host}]:{port}" if ":" in host else f"ssh://{host}:{port}"
