"""A connection's host key: what is known beforehand, the verdict, and the question to a person."""

from __future__ import annotations

import asyncio
import binascii
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.client.login.handshake import Handshake
from jupyter_ssh.ssh.client.login.settings import ca_signature_algorithms, session_settings
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.tokens import expand_percent
from jupyter_ssh.ssh.config.words import split_arguments
from jupyter_ssh.ssh.errors import ConfigError, DeadlineExceeded, HostKeyError, KnownHostsError, PromptUnavailable
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.net.command import output_of
from jupyter_ssh.ssh.protocol.events import HostKeyOffered
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.protocol.settings import Settings
from jupyter_ssh.ssh.trust.entries import Entry, Marker
from jupyter_ssh.ssh.trust.host_certificates import plain_key
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import Status, Verdict
from jupyter_ssh.ssh.trust.policy import Accept, AcceptAndRemember, Ask, HostKeyPolicy, Judgement
from jupyter_ssh.ssh.trust.sshfp import DnsFinding

log = logging.getLogger("jupyter_ssh.ssh")

_DISABLED: Final = (
    "Password and keyboard-interactive authentication and agent forwarding are disabled "
    "to avoid man-in-the-middle attacks."
)
COMMAND_SECONDS: Final = 30.0
"""How long KnownHostsCommand may take."""
COMMAND_TOKENS: Final = "CdhijkLlnpruHIfKt"
"""ssh_config(5), TOKENS."""
NO_KEY: Final = {"f": "NONE", "K": "NONE", "t": "NONE"}


@dataclass(frozen=True, slots=True)
class Trusted:
    """The outcome of a successful check."""

    secrets_allowed: bool
    """Whether the host may be sent passwords."""
    updates_allowed: bool
    """Whether it may announce its other keys (UpdateHostKeys)."""
    dns: str
    """What DNS says about the key, in a few words; empty if it was not asked."""


def host_key_policy(options: Options) -> HostKeyPolicy:
    """Return the policy that follows from the options."""
    return HostKeyPolicy(
        options.strict_host_key_checking,
        options.user_known_hosts_file,
        options.global_known_hosts_file,
        hash_known_hosts=options.hash_known_hosts,
        check_host_ip=options.check_host_ip,
        no_host_authentication_for_localhost=options.no_host_authentication_for_localhost,
        revoked_host_keys=options.revoked_host_keys,
        verify_host_key_dns=options.verify_host_key_dns,
        ca_signature_algorithms=ca_signature_algorithms(options),
    )


class HostKeyCheck:
    """Checks one connection's host key.  Call `prepare` before the key exchange; `check` waits for the key."""

    def __init__(self, options: Options, prompts: Prompts) -> None:
        self.policy = host_key_policy(options)
        self.host, self.port = (
            (options.host_key_alias, 22) if options.host_key_alias else (options.host_name, options.port)
        )
        """A HostKeyAlias replaces both host and port (ssh_config(5))."""
        self._options = options
        self._prompts = prompts
        self._messages: list[str] = []
        self._dns: DnsFinding | None = None
        self._authority: Entry | None = None

    async def prepare(self) -> Settings:
        """Read what is known about the host and return the settings that follow from it.

        Raises `ConfigError` for an invalid KnownHostsCommand or algorithm.
        """
        # A large file takes a second, one on a network drive perhaps more; do not block the other connections.
        await asyncio.to_thread(self.policy.known_hosts.refresh)
        await self._run_command({"ORDER": host_name(self.host, self.port)}, None)
        types = await asyncio.to_thread(self.policy.known_key_types, self.host, self.port)
        self._messages += (f"WARNING: {bad}" for bad in self.policy.known_hosts.bad_lines(self.host, self.port))
        return session_settings(self._options, types, self.policy.has_authority(self.host, self.port))

    async def check(self, session: ClientSession, handshake: Handshake, address: str | None) -> Trusted:
        """Wait for the host key, judge it and, if need be, have a person confirm it.

        ``address`` is None behind a proxy.  Raises `HostKeyError`, after telling the server.
        """
        offered = await handshake.next("key exchange")
        assert isinstance(offered, HostKeyOffered)
        try:
            judgement = await self._judge(offered.key, address)
            if isinstance(judgement, Ask):
                await self._ask(judgement)
            elif isinstance(judgement, Accept) and judgement.entry is not None and judgement.warning is None:
                self._authority = judgement.entry if judgement.entry.marker is Marker.CERT_AUTHORITY else None
        except HostKeyError as error:
            session.reject_host_key(error)
            raise
        finally:
            handshake.messages += self._messages
        await asyncio.to_thread(self._remember, judgement, offered.key, address, handshake.messages)
        session.accept_host_key()
        return Trusted(
            secrets_allowed=not isinstance(judgement, Accept) or judgement.secrets_allowed,
            updates_allowed=isinstance(judgement, Ask) or (isinstance(judgement, Accept) and judgement.updates),
            dns="" if self._dns is None else self._dns.summary(offered.key),
        )

    def known_as(self, session: ClientSession) -> tuple[PublicKey, Verdict | None, Entry | None]:
        """Return the accepted host key, the files' verdict on it by now (None if they do not count), and the line of
        the authority that vouched for it."""
        key = session.transport.host_key
        assert key is not None
        plain = plain_key(key)
        verdict = self.policy.known_hosts.check(self.host, self.port, plain)
        return key, verdict if verdict.status is Status.KNOWN else None, self._authority

    # --- the judgement ------------------------------------------------------------------------------------------------

    async def _judge(self, key: PublicKey, address: str | None) -> Judgement:
        policy = self.policy
        if policy.is_exempt(address) and not self._options.host_key_alias:
            policy.refuse_revoked(host_name(self.host, self.port), key)
            log.debug("Forcing accepting of host key for loopback/localhost.")
            return Accept()
        asked = {"HOSTNAME": host_name(self.host, self.port)}
        if address is not None and policy.address_counts(self.host, address):
            asked["ADDRESS"] = host_name(address, self.port)
        await self._run_command(asked, key)
        self._dns = await self._ask_dns()
        if self._dns is not None:
            log.debug("%s", self._dns.text(key))
        return await asyncio.to_thread(policy.judge, self.host, self.port, address, key, self._dns)

    async def _ask_dns(self) -> DnsFinding | None:
        """Look up the host's SSHFP records (VerifyHostKeyDNS): as in OpenSSH under its real name, not its
        HostKeyAlias."""
        options = self._options
        if options.verify_host_key_dns == "no":
            return None
        from jupyter_ssh.ssh.net import sshfp  # here, because importing dnspython is slow

        if sshfp.is_numeric(options.host_name):
            return None
        own = options.dns_resolver
        servers = [own] if own else await asyncio.to_thread(sshfp.system_resolvers, os.environ)
        seconds = min(options.connect_timeout or sshfp.LOOKUP_SECONDS, sshfp.LOOKUP_SECONDS)
        return await sshfp.look_up(options.host_name, servers, options.dns_trust_anchors, seconds)

    async def _ask(self, judgement: Ask) -> None:
        question, policy = judgement.question, self.policy
        if self._options.batch_mode:
            raise policy.refused(question, asked=False)
        try:
            confirmed = await self._prompts.confirm_host_key(question)
        except PromptUnavailable as unavailable:
            error = policy.refused(question, asked=False)
            error.next_step = unavailable.next_step or error.next_step
            raise error from unavailable
        if not confirmed:
            raise policy.refused(question)

    def _remember(self, judgement: Judgement, key: PublicKey, address: str | None, messages: list[str]) -> None:
        message: str | None = None
        try:
            if isinstance(judgement, AcceptAndRemember) or (
                isinstance(judgement, Ask) and judgement.question.address_key is None
            ):
                message = self.policy.remember(self.host, self.port, key, address)
            elif isinstance(judgement, Accept) and judgement.new_address is not None:
                message = self.policy.remember_address(judgement.new_address, self.port, key)
        except KnownHostsError as error:
            message = f"The host key could not be saved: {error}"
        if isinstance(judgement, Accept) and judgement.warning is not None:
            messages.append(f"WARNING: {judgement.warning}\n{_DISABLED}")
        if not isinstance(judgement, Ask):
            messages += judgement.notes
        if message:
            messages.append(message)

    # --- KnownHostsCommand --------------------------------------------------------------------------------------------

    async def _run_command(self, asked: Mapping[str, str], key: PublicKey | None) -> None:
        """Run it for each pair in ``asked``, the occasion (%I) and the name to look up (%H), and keep what it
        prints."""
        command = self._options.known_hosts_command
        if not command or command.lower() == "none":
            return
        self.policy.known_hosts.take_outputs(
            {occasion: await self._printed(command, occasion, name, key) for occasion, name in asked.items()}
        )

    async def _printed(self, command: str, occasion: str, name: str, key: PublicKey | None) -> bytes:
        argv = _command_words(command, {**self._options.tokens, **_key_tokens(occasion, name, key)})
        phase = f"KnownHostsCommand {argv[0]}"
        try:
            output = await output_of(argv, self._options.connect_timeout or COMMAND_SECONDS, phase)
        except DeadlineExceeded as error:
            why = error.message
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
        else:
            if output.status == 0:
                return output.stdout
            why = f"exit status {output.status}" + (f": {output.stderr.splitlines()[-1]}" if output.stderr else "")
        # As in OpenSSH this is not fatal: the files may know the host.
        self._messages.append(f"WARNING: {phase} ({occasion}): {why}; its output is ignored")
        return b""


def _command_words(command: str, tokens: Mapping[str, str]) -> list[str]:
    try:
        words = split_arguments(command)
    except ValueError as error:
        raise ConfigError(f"KnownHostsCommand: {error}", phase="options") from None
    if not words or not os.path.isabs(words[0]):
        raise ConfigError(
            "KnownHostsCommand: not an absolute path", phase="options", received=repr(words[0] if words else "")
        )
    return [words[0], *(expand_percent(word, COMMAND_TOKENS, tokens, "KnownHostsCommand") for word in words[1:])]


def _key_tokens(occasion: str, name: str, key: PublicKey | None) -> dict[str, str]:
    tokens = {**NO_KEY, "I": occasion, "H": name}
    if key is not None:
        base64 = binascii.b2a_base64(key.blob, newline=False).decode("ascii")
        tokens |= {"f": key.fingerprint, "K": base64, "t": key.key_type}
    return tokens
