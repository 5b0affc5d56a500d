"""What an auditor says of our server: with the defaults there is nothing to fail and nothing to warn of."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.support.embedded import EmbeddedServer, Factory

SECONDS = 100
KINDS = ("kex", "key", "enc", "mac")
BLAMES = ("fail", "warn")


def audit(server: EmbeddedServer) -> dict[str, Any]:
    """The report of ssh-audit, which makes a connection or more for each kind of algorithm."""
    command = [sys.executable, "-m", "ssh_audit", "-jj", "-p", str(server.port), server.host]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert not done.stderr, done.stderr
    return report


def blamed(report: dict[str, Any]) -> dict[str, list[str]]:
    """What it finds bad or doubtful, by algorithm."""
    return {
        row["algorithm"]: [text for blame in BLAMES for text in row["notes"].get(blame, [])]
        for kind in KINDS
        for row in report[kind]
        if any(blame in row["notes"] for blame in BLAMES)
    }


def test_the_defaults_are_beyond_reproach(embedded_server: EmbeddedServer) -> None:
    report = audit(embedded_server)
    assert blamed(report) == {}
    assert (report["cves"], report["recommendations"]) == ([], {})
    assert "kex-strict-s-v00@openssh.com" in [row["algorithm"] for row in report["kex"]]
    assert all(len(report[kind]) > 0 for kind in KINDS)


def test_the_auditor_looks(embedded_server_factory: Factory) -> None:
    report = audit(embedded_server_factory(kex_algorithms="+ecdh-sha2-nistp256", macs="+hmac-sha2-256"))
    assert set(blamed(report)) == {"ecdh-sha2-nistp256", "hmac-sha2-256"}
