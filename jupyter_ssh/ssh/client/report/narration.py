"""Reports the state of a session to a `Progress` in the words of ``ssh -v``, each thing once."""

from __future__ import annotations

from jupyter_ssh.ssh.client.report.progress import DEBUG1, DEBUG2, DEBUG3, Progress, Step, log
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES, GroupExchangeMethod
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate
from jupyter_ssh.ssh.keys.certificates.validity import format_validity
from jupyter_ssh.ssh.protocol.extensions import SIGNATURES
from jupyter_ssh.ssh.protocol.handshake.negotiation import INTEGRATED_MAC, Agreed, Direction
from jupyter_ssh.ssh.protocol.packets.ring import Packet
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.text import printable
from jupyter_ssh.ssh.trust.entries import Entry
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import Status, Verdict
from jupyter_ssh.ssh.wire import numbers as n
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

NEWKEYS_SENT = ("rekey out after {sent} blocks", "SSH2_MSG_NEWKEYS sent", "expecting SSH2_MSG_NEWKEYS")
NEWKEYS_RECEIVED = ("SSH2_MSG_NEWKEYS received", "rekey in after {received} blocks")

_RENEWAL = {
    (False, n.SSH_MSG_KEXINIT): ("SSH2_MSG_KEXINIT sent",),
    (True, n.SSH_MSG_KEXINIT): ("SSH2_MSG_KEXINIT received",),
    (False, n.SSH_MSG_NEWKEYS): NEWKEYS_SENT,
    (True, n.SSH_MSG_NEWKEYS): NEWKEYS_RECEIVED,
}
"""What is told of a message of a key re-exchange, by whether it was received and its number."""

_GROUP = {
    (True, n.SSH_MSG_KEX_DH_GEX_GROUP): ("SSH2_MSG_KEX_DH_GEX_GROUP received",),
    (False, n.SSH_MSG_KEX_DH_GEX_INIT): ("SSH2_MSG_KEX_DH_GEX_INIT sent", "expecting SSH2_MSG_KEX_DH_GEX_REPLY"),
}
"""The same for a group exchange, where these numbers have this meaning."""

_REPLY_EXPECTED = {False: (True, n.SSH_MSG_KEX_ECDH_REPLY), True: (True, n.SSH_MSG_KEX_DH_GEX_REPLY)}
"""The server's last message, by whether the exchange is one in a group."""

_IN_GROUPS = {name for name, method in EXCHANGES.items() if isinstance(method, GroupExchangeMethod)}


class Narration:
    """Looks at one session when asked to, and reports what is new."""

    def __init__(self, session: ClientSession, options: Options, progress: Progress) -> None:
        self._session = session
        self._options = options
        self._progress = progress
        self._version = self._agreed = self._keys = False
        self._signatures: bytes | None = None
        """The signature algorithms that were told last; a server may say again what it accepts."""
        if log.isEnabledFor(DEBUG1):
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
            self._tell(*NEWKEYS_RECEIVED)
        said = transport.extensions.get(SIGNATURES)
        if said and said != self._signatures:
            self._signatures = said
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
        self._tell(*NEWKEYS_SENT)
        self._keys = True

    def _packet(self, packet: Packet) -> None:
        way = "receive" if packet.received else "send"
        self._progress.note(f"{way} packet: type {packet.number} {NAMES.get(packet.number, '')}".rstrip(), DEBUG3)
        if self._session.transport.exchanges:
            self._tell_renewal(packet)

    def _tell_renewal(self, packet: Packet) -> None:
        """Report a message of a key re-exchange; the first exchange is told by `look`, once its outcome is known."""
        agreed = self._session.transport.agreed
        assert agreed is not None
        step = (packet.received, packet.number)
        if step == _REPLY_EXPECTED.get(agreed.kex in _IN_GROUPS):
            self._tell(f"{_reply(agreed)} received")
        elif step in _RENEWAL:
            self._tell(*_RENEWAL[step])
        elif step in ((False, n.SSH_MSG_KEX_ECDH_INIT), (False, n.SSH_MSG_KEX_DH_GEX_REQUEST)):
            self._tell_agreed(agreed)
            self._tell(*self._first_steps(agreed))
        elif agreed.kex in _IN_GROUPS and step in _GROUP:
            self._tell(*_GROUP[step])

    def _tell(self, *lines: str) -> None:
        for line in lines:
            self._progress.note(line.format(sent=self._blocks(sent=True), received=self._blocks(sent=False)))

    def _blocks(self, *, sent: bool) -> int:
        """Return after how many blocks of the cipher the keys of one direction are renewed."""
        transport = self._session.transport
        if transport.agreed is None:
            return 0
        agreed = transport.agreed
        cipher = CIPHERS[(agreed.client_to_server if sent else agreed.server_to_client).cipher]
        return (transport.settings.rekey_bytes or cipher.rekey_bytes) // cipher.block_size

    def _first_steps(self, agreed: Agreed) -> tuple[str, ...]:
        method = EXCHANGES[agreed.kex]
        if not isinstance(method, GroupExchangeMethod):
            return ("expecting SSH2_MSG_KEX_ECDH_REPLY",)
        from jupyter_ssh.ssh.protocol.handshake.group_exchange import request

        asked = request(method, agreed, self._session.transport.peer_version)
        return (
            f"SSH2_MSG_KEX_DH_GEX_REQUEST({asked.minimum}<{asked.preferred}<{asked.maximum}) sent",
            "expecting SSH2_MSG_KEX_DH_GEX_GROUP",
        )

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
        self._tell_agreed(agreed)
        self._tell(*self._first_steps(agreed))
        key = transport.host_key
        if key is not None:
            if agreed.kex in _IN_GROUPS:
                self._tell(*(line for lines in _GROUP.values() for line in lines))
            self._tell(f"{_reply(agreed)} received")
            note(_certificate(key) if isinstance(key, Certificate) else f"Server host key: {_named(key)}")
        strength = "post-quantum" if EXCHANGES[agreed.kex].post_quantum else "not post-quantum"
        cipher = agreed.server_to_client.cipher
        self._progress.done(Step.ALGORITHMS, f"{agreed.kex} ({strength}), {agreed.host_key}, {cipher}")

    def _tell_agreed(self, agreed: Agreed) -> None:
        self._tell(
            f"kex: algorithm: {agreed.kex}",
            f"kex: host key algorithm: {agreed.host_key}",
            f"kex: server->client {_direction(agreed.server_to_client)}",
            f"kex: client->server {_direction(agreed.client_to_server)}",
        )

    def _tell_proposal(self, proposal: KexInit) -> None:
        for title, name in _LISTS:
            self._progress.note(f"{title}: {printable(','.join(getattr(proposal, name)))}", DEBUG2)


def _reply(agreed: Agreed) -> str:
    return "SSH2_MSG_KEX_DH_GEX_REPLY" if agreed.kex in _IN_GROUPS else "SSH2_MSG_KEX_ECDH_REPLY"


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
