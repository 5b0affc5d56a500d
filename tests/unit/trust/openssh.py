"""What OpenSSH itself says about a known_hosts file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def found_by_ssh_keygen(tool: str, file: Path, name: str) -> list[int]:
    """The numbers of the lines that ``ssh-keygen -F`` finds for a host."""
    done = subprocess.run([tool, "-F", name, "-f", str(file)], capture_output=True, text=True, timeout=60)
    return [int(number) for number in re.findall(r"^# Host .* found: line (\d+)", done.stdout, re.MULTILINE)]
