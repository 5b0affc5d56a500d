"""A small world of DNS on loopback: a root of its own and signed zones with SSHFP records, served by NSD.

All is signed anew for each run, with ldns' tools; the anchor of it is a file that only the tests trust.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from jupyter_ssh.ssh.keys import PublicKey
from jupyter_ssh.ssh.trust import sshfp
from tests.support.peers import require_tool
from tests.support.processes import HOST, ServerProcess

ALGORITHM = "ECDSAP256SHA256"
HEAD = "$ORIGIN {zone}\n$TTL 60\n@ IN SOA ns.test. person.test. 1 3600 600 86400 60\n@ IN NS ns.test.\n"
DAY = 86400


def records(name: str, key: PublicKey, *, spoilt: bool = False, hashes: Iterable[str] = sshfp.HASHES) -> str:
    """The SSHFP lines of a host's key, perhaps with the fingerprints of another one."""
    lines = []
    for each in hashes:
        number = sshfp.HASHES[each]
        digest = bytearray(sshfp.digest(key, number))
        digest[0] ^= spoilt
        lines.append(f"{name} IN SSHFP {sshfp.ALGORITHMS[key.row.keygen_name]} {number} {digest.hex()}\n")
    return "".join(lines)


def _run(folder: Path, *argv: str) -> str:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class World:
    """The zone files, in ``folder``; `anchors` is the file of the root's key."""

    def __init__(self, folder: Path, key: PublicKey, other: PublicKey) -> None:
        self.folder = folder
        self._keygen = require_tool("ldns-keygen", "ldnsutils")
        self._sign = require_tool("ldns-signzone", "ldnsutils")
        host = records("good.test.", key)
        expired = self._signed("expired.test.", records("@", key), expired=True)
        bogus = self._signed("bogus.test.", records("@", key))
        self._replace("bogus.test.", records("@", key).split()[-1], "00" * 32)
        stranger = self._signed("stranger.test.", records("@", key))
        self._signed("stranger.test.", records("@", key))  # again, with a key that nothing vouches for
        self._unsigned("plain.test.", records("@", key) + records("wrong", key, spoilt=True))
        self._unsigned("stripped.test.", records("@", key))
        inner = [
            "ns IN A 127.0.0.1\n",
            host,
            records("sha1", key, hashes=["sha1"]),
            records("wrong", key, spoilt=True),
            records("both", key) + records("both", key, spoilt=True),
            records("othertype", other),
            records("*.wild", key),
            "alias IN CNAME good\nfar IN CNAME alias\noutside IN CNAME plain.test.\nloop IN CNAME loop\n",
            "unknownhash IN SSHFP 4 9 0011\nmissing IN A 127.0.0.1\n",
            *(f"{zone} IN NS ns.test.\n" for zone in ("plain.test.", "stripped.test.")),
            *(
                f"{zone} IN NS ns.test.\n{ds}\n"
                for zone, ds in (
                    ("expired.test.", expired),
                    ("bogus.test.", bogus),
                    ("stranger.test.", stranger),
                    ("stripped.test.", stranger.replace("stranger", "stripped")),
                )
            ),
        ]
        test = self._signed("test.", "".join(inner))
        root = self._signed(".", f"test. IN NS ns.test.\nns.test. IN A 127.0.0.1\n{test}\n")
        self.anchors = folder / "anchors"
        self.anchors.write_text(f"; the root of the tests\n{root}\n")

    def _path(self, zone: str) -> Path:
        return self.folder / f"{zone}zone"

    @property
    def _zones(self) -> list[str]:
        return [path.name.removesuffix("zone") for path in sorted(self.folder.glob("*zone"))]

    def _unsigned(self, zone: str, lines: str) -> None:
        self._path(zone).write_text(HEAD.format(zone=zone) + lines)

    def _signed(self, zone: str, lines: str, *, expired: bool = False) -> str:
        """Makes a key and a signed zone; the DS record for its parent."""
        key = _run(self.folder, self._keygen, "-a", ALGORITHM, "-k", zone)
        source = self.folder / "source"
        source.write_text(HEAD.format(zone=zone) + lines)
        now = time.time() - (10 * DAY if expired else 0)
        times = [word for flag, at in (("-i", now - DAY), ("-e", now + 5 * DAY)) for word in (flag, _stamp(at))]
        _run(self.folder, self._sign, "-o", zone, *times, "-f", str(self._path(zone)), str(source), key)
        return (self.folder / f"{key}.ds").read_text().strip()

    def _replace(self, zone: str, old: str, new: str) -> None:
        text = self._path(zone).read_text()
        assert old in text
        self._path(zone).write_text(text.replace(old, new))

    def configuration(self, port: int, address: str = HOST) -> Path:
        """NSD's."""
        lines = ["server:", f"  ip-address: {address}@{port}", '  username: ""', '  database: ""', "  server-count: 1"]
        lines += [f'  {name}: "{self.folder / name}"' for name in ("pidfile", "xfrdfile", "zonelistfile")]
        lines += [
            f'  zonesdir: "{self.folder}"',
            f'  xfrdir: "{self.folder}"',
            "remote-control:",
            "  control-enable: no",
        ]
        for zone in self._zones:
            lines += ["zone:", f'  name: "{zone}"', f'  zonefile: "{self._path(zone).name}"']
        path = self.folder / f"nsd-{port}.conf"
        path.write_text("\n".join(lines) + "\n")
        return path

    def serve(self) -> ServerProcess:
        """NSD on a port of its own."""
        nsd = require_tool("nsd", "nsd")
        return ServerProcess(
            "nsd", lambda port: [nsd, "-d", "-c", str(self.configuration(port))], self.folder / "nsd.log"
        )

    def resolver_configuration(self, port: int, upstream: int) -> Path:
        """Unbound's: a resolver that validates, and knows this world only."""
        path = self.folder / f"unbound-{port}.conf"
        path.write_text(
            f"""server:
  interface: {HOST}
  port: {port}
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: "{self.folder}/unbound.pid"
  do-not-query-localhost: no
  trust-anchor-file: "{self.anchors}"
  num-threads: 1
  msg-cache-size: 1m
  rrset-cache-size: 1m
  local-zone: "test." nodefault
remote-control:
  control-enable: no
"""
            + "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: {HOST}@{upstream}\n' for zone in self._zones)
        )
        return path

    def resolve(self, upstream: ServerProcess) -> ServerProcess:
        """Unbound in front of NSD."""
        unbound = require_tool("unbound", "unbound")
        return ServerProcess(
            "unbound",
            lambda port: [unbound, "-d", "-c", str(self.resolver_configuration(port, upstream.port))],
            self.folder / "unbound.log",
        )


def _stamp(at: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(at))
