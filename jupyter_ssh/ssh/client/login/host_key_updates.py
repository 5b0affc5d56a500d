"""UpdateHostKeys (ssh_config(5)): learn the keys a server announces, and forget those it no longer has."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Final

from jupyter_ssh.ssh.channels.host import ChannelHost
from jupyter_ssh.ssh.client.login.host_key import HostKeyCheck
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.errors import PromptUnavailable, SSHError
from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.protocol.events import GlobalRequested
from jupyter_ssh.ssh.protocol.session import ClientSession
from jupyter_ssh.ssh.trust import editing
from jupyter_ssh.ssh.trust.appending import append
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import KnownHosts
from jupyter_ssh.ssh.trust.rotation import PROVE, Plan, check_proof, decode_announcement, encode_keys, plan_update

log = logging.getLogger("jupyter_ssh.ssh")

PROOF_SECONDS: Final = 30.0
"""Seconds a server may take to sign."""
LAST_SECONDS: Final = 2.0
"""Seconds a closing connection waits for an update in progress."""
QUESTION: Final = "Accept updated hostkeys?"


class HostKeyUpdates:
    """Handles the announcement on one connection; a failed update does no harm and is reported only with ``-v``."""

    def __init__(
        self,
        host: ChannelHost,
        session: ClientSession,
        options: Options,
        prompts: Prompts,
        host_key: HostKeyCheck,
        address: str | None,
    ) -> None:
        policy = host_key.policy
        self._channel_host, self._session, self._options, self._prompts = host, session, options, prompts
        self._host, self._port = host_key.host, host_key.port
        self._address = address if policy.address_counts(host_key.host, address) else None
        self._files = policy.user_files
        self._mode = options.update_host_keys
        self._task: asyncio.Task[None] | None = None
        self._asking = False

    def announced(self, details: bytes) -> None:
        """Handle the server's announcement of its keys; only the first one counts."""
        if self._task is not None or self._mode == "no" or not self._files:
            return
        if self._mode == "ask" and self._options.batch_mode:
            return
        self._task = asyncio.get_running_loop().create_task(self._update(details))

    async def settle(self) -> None:
        """Wait a little for an update in progress, then cancel it."""
        if self._task is None:
            return
        if not self._asking:
            await asyncio.wait([self._task], timeout=LAST_SECONDS)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _update(self, details: bytes) -> None:
        try:
            algorithms = self._session.transport.settings.algorithms.host_key
            keys = decode_announcement(details, algorithms)
            plan = await asyncio.to_thread(self._plan, keys)
            if plan.obstacle is not None:
                log.debug("the host keys of %s are not updated: %s", self._host, plan.obstacle)
            if not plan.changes:
                return
            if plan.new:
                await self._check_proof(plan.new)
            if self._mode == "ask" and not await self._confirmed(plan):
                return
            await asyncio.to_thread(self._write, plan)
        except PromptUnavailable as error:
            log.info("the host keys of %s are not updated: %s", self._host, error.message)
        except SSHError as error:
            log.warning("the host keys of %s are not updated: %s", self._host, error)

    def _plan(self, keys: list[PublicKey]) -> Plan:
        known_hosts = KnownHosts.load(self._files)
        plan = plan_update(known_hosts, self._host, self._port, self._address, keys)
        # Ignore an announcement without a usable key: it would make us forget every key we know.
        return plan if keys else Plan(())

    async def _check_proof(self, keys: tuple[PublicKey, ...]) -> None:
        proof = await self._channel_host.ask(PROVE, encode_keys(keys), timeout=PROOF_SECONDS)
        if proof is None:
            raise SSHError("the server did not prove that it has the keys it announced", phase="host key update")
        check_proof(proof, self._session.transport.session_id, keys)

    async def _confirmed(self, plan: Plan) -> bool:
        self._asking = True
        accepted = await self._prompts.confirm(
            "\n".join(["The server has updated its host keys.", *_changes(plan), QUESTION])
        )
        self._asking = False
        return accepted

    def _write(self, plan: Plan) -> None:
        hashed = self._options.hash_known_hosts
        names = [host_name(host, self._port) for host in (self._host, self._address) if host is not None]
        for number, path in enumerate(self._files):
            if os.path.lexists(path):
                editing.replace(path, names, plan.keys, add=number == 0, hashed=hashed)
            elif number == 0:
                for key in plan.new:
                    append(path, self._host, self._port, key, hashed)
        for change in _changes(plan):
            log.info("%s", change)


def host_keys_announced(host: ChannelHost, event: GlobalRequested) -> None:
    """Handle hostkeys-00@openssh.com: the server tells of its keys (OpenSSH PROTOCOL §2.5).  It is never granted."""
    updates = host.parts.find(HostKeyUpdates)
    if updates is not None:  # else the server is not trusted enough
        updates.announced(event.details)


def _changes(plan: Plan) -> list[str]:
    learned = [f"Learned new hostkey: {key.nickname} {key.fingerprint}" for key in plan.new]
    return learned + [
        f"Deprecating obsolete hostkey: {entry.nickname} {entry.fingerprint} ({entry.place})" for entry in plan.old
    ]
