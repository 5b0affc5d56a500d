"""Reports the state of a session to a `Progress` in the words of ``ssh -v``, each thing once."""

from __future__ import annotations

from jupyter_ssh.ssh.client.report.progress import DEBUG2, DEBUG3, Progress, Step, log
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.validity import format_validity
from jupyter_ssh.ssh.protocol.handshake.negotiation import INTEGRATED_MAC, Direction
from jupyter_ssh.ssh.protocol.packets.ring import Packet
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.trust.entries import Entry
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import Status, Verdict
from jupyter_ssh.ssh.wire.messages import KexInit
from jupyter_ssh.ssh.wire.numbers import NAMES

_LISTS = (
    ("KEX algorithms", "kex_algorithms"),
    ("host key algorithms", "server_host_key_algorithms"),
    ("ciphers ctos", "encryption_client_to_server"),
    ("ciphers stoc", "encryption_server_to_client"),
    ("MACs ctos", "mac_client_to_server"),
    ("MACs stoc", "mac_server_to_client"),
    ("compression ctos", "compression_client_to_server"),
    ("compression stoc", "compression_server_to_client"),
)


class Narration:
    """Looks at one session when asked to, and reports what is new."""

    def __init__(self, session: ClientSession, options: Options, progress: Progress) -> None:
        self._session = session
        self._options = options
        self._progress = progress
        self._version = self._agreed = self._extensions = self._keys = False
        if log.isEnabledFor(DEBUG3):
            session.transport.packets.on_packet = self._packet

    def look(self) -> None:
        """Report what happened since the last call."""
        transport = self._session.transport
        if transport.peer_version and not self._version:
            self._version = True
            self._tell_version()
        if transport.agreed is not None and not self._agreed:
            self._agreed = True
            self._tell_algorithms()
        if transport.exchanges and self._keys:
            self._keys = False
            self._progress.note("SSH2_MSG_NEWKEYS received")
        said = transport.extensions.get("server-sig-algs")
        if said and not self._extensions:
            self._extensions = True
            self._progress.note("SSH2_MSG_EXT_INFO received")
            self._progress.note(f"kex_input_ext_info: server-sig-algs=<{printable(said.decode('ascii', 'replace'))}>")

    def host_key(self, key: PublicKey, verdict: Verdict | None, authority: Entry | None, dns: str) -> None:
        """Report that the host key was accepted.

        ``verdict`` is what known_hosts says by now, None if it was not consulted; ``authority`` the ``@cert-authority``
        line that vouches for the host, if any; ``dns`` what DNS says, empty if it was not asked.
        """
        options = self._options
        name = options.host_key_alias or host_name(options.host_name, options.port)
        shown = f"{key.nickname} {key.fingerprint}" + (f" (DNS: {dns})" if dns else "")
        if isinstance(key, Certificate) and authority is not None:
            self._progress.note(f"Host '{name}' is known and matches the {key.nickname} host certificate.")
            self._progress.note(f"Found CA key in {authority.place}")
            self._progress.done(Step.HOST_KEY, f"{shown}, certified by the authority in {authority.place}")
        elif verdict is not None and verdict.status is Status.KNOWN and verdict.entry is not None:
            self._progress.note(f"Host '{name}' is known and matches the {key.nickname} host key.")
            self._progress.note(f"Found key in {verdict.entry.place}")
            self._progress.done(Step.HOST_KEY, f"{shown}, known from {verdict.entry.place}")
        else:
            self._progress.done(Step.HOST_KEY, f"{shown}, accepted")
        for text in ("SSH2_MSG_NEWKEYS sent", "expecting SSH2_MSG_NEWKEYS"):
            self._progress.note(text)
        self._keys = True

    def _packet(self, packet: Packet) -> None:
        way = "receive" if packet.received else "send"
        self._progress.note(f"{way} packet: type {packet.number} {NAMES.get(packet.number, '')}".rstrip(), DEBUG3)

    def _tell_version(self) -> None:
        transport, options, note = self._session.transport, self._options, self._progress.note
        note(f"Local version string {transport.settings.version}")
        for number, line in enumerate(transport.banner_lines):
            note(f"kex_exchange_identification: banner line {number}: {printable(line.decode('utf-8', 'replace'))}")
        version = printable(transport.peer_version.decode("utf-8", "replace"))
        _, protocol, software = version.split("-", 2)
        note(f"Remote protocol version {protocol}, remote software version {software}")
        note(f"Authenticating to {options.host_name}:{options.port} as '{options.user}'")
        self._progress.done(Step.VERSION, version)

    def _tell_algorithms(self) -> None:
        transport, note = self._session.transport, self._progress.note
        agreed = transport.agreed
        assert agreed is not None
        note("SSH2_MSG_KEXINIT sent")
        note("SSH2_MSG_KEXINIT received")
        for title, proposal in (("local client", agreed.ours), ("peer server", agreed.theirs)):
            note(f"{title} KEXINIT proposal", DEBUG2)
            self._tell_proposal(proposal)
        note(f"kex: algorithm: {agreed.kex}")
        note(f"kex: host key algorithm: {agreed.host_key}")
        note(f"kex: server->client {_direction(agreed.server_to_client)}")
        note(f"kex: client->server {_direction(agreed.client_to_server)}")
        key = transport.host_key
        if key is not None:
            reply = "SSH2_MSG_KEX_ECDH_REPLY" if "group-exchange" not in agreed.kex else "SSH2_MSG_KEX_DH_GEX_REPLY"
            note(f"expecting {reply}")
            note(f"{reply} received")
            note(_certificate(key) if isinstance(key, Certificate) else f"Server host key: {_named(key)}")
        strength = "post-quantum" if EXCHANGES[agreed.kex].post_quantum else "not post-quantum"
        cipher = agreed.server_to_client.cipher
        self._progress.done(Step.ALGORITHMS, f"{agreed.kex} ({strength}), {agreed.host_key}, {cipher}")

    def _tell_proposal(self, proposal: KexInit) -> None:
        for title, name in _LISTS:
            self._progress.note(f"{title}: {printable(','.join(getattr(proposal, name)))}", DEBUG2)


def _named(key: PublicKey) -> str:
    return f"{key.key_type} {key.fingerprint}"


def _certificate(certificate: Certificate) -> str:
    said, authority = certificate.statement, certificate.authority
    valid = format_validity(said.valid_after, said.valid_before)
    return (
        f'Server host certificate: {_named(certificate)}, serial {said.serial} ID "{printable(said.key_id)}" '
        f"CA {_named(authority)} valid {valid}"
    )


def _direction(direction: Direction) -> str:
    mac = "<implicit>" if direction.mac == INTEGRATED_MAC else direction.mac
    return f"cipher: {direction.cipher} MAC: {mac} compression: {direction.compression}"
