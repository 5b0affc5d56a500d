"""ssh_config: keywords, files, destinations, the options of a command line, and the options that result from all that.

Nothing here reads the environment or the user account of the process: home, user and variables are passed in.
"""

from jupyter_ssh.ssh.config.arguments import Arguments, LongOption, Usage, parse, parse_line
from jupyter_ssh.ssh.config.local_context import LocalContext, Names
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.resolving import resolve
from jupyter_ssh.ssh.config.ssh_config import ConfigFile, chosen_files, default_files, hosts
from jupyter_ssh.ssh.config.target import Target, parse_target
from jupyter_ssh.ssh.config.values import RekeyLimit

__all__ = [
    "Arguments",
    "ConfigFile",
    "LocalContext",
    "LongOption",
    "Names",
    "Options",
    "RekeyLimit",
    "Target",
    "Usage",
    "chosen_files",
    "default_files",
    "hosts",
    "parse",
    "parse_line",
    "parse_target",
    "resolve",
]
