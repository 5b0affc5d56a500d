"""The table of all keywords of sshd_config(5): each is acted on, refused, or noted because it decides nothing."""

from __future__ import annotations

import pytest

from jupyter_ssh.commands.sshd.config import ServerConfigReader
from jupyter_ssh.commands.sshd.keywords import ACTED_ON, ALIASES, NOTED_REASONS, REFUSED, STRUCTURE
from jupyter_ssh.commands.sshd.matching import GLOBAL_ONLY
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.server.options import ServerOptions

# sshd_config(5) of OpenSSH 10.5.
MANUAL = """
AcceptEnv AddressFamily AllowAgentForwarding AllowGroups AllowStreamLocalForwarding AllowTcpForwarding AllowUsers
AuthenticationMethods AuthorizedKeysCommand AuthorizedKeysCommandUser AuthorizedKeysFile AuthorizedPrincipalsCommand
AuthorizedPrincipalsCommandUser AuthorizedPrincipalsFile Banner CASignatureAlgorithms ChannelTimeout ChrootDirectory
Ciphers ClientAliveCountMax ClientAliveInterval Compression DenyGroups DenyUsers DisableForwarding ExposeAuthInfo
FingerprintHash ForceCommand GatewayPorts GSSAPIAuthentication GSSAPICleanupCredentials GSSAPIDelegateCredentials
GSSAPIStrictAcceptorCheck HostbasedAcceptedAlgorithms HostbasedAuthentication HostbasedUsesNameFromPacketOnly
HostCertificate HostKey HostKeyAgent HostKeyAlgorithms IgnoreRhosts IgnoreUserKnownHosts Include IPQoS
KbdInteractiveAuthentication KerberosAuthentication KerberosGetAFSToken KerberosOrLocalPasswd KerberosTicketCleanup
KexAlgorithms ListenAddress LoginGraceTime LogLevel LogVerbose MACs Match MaxAuthTries MaxSessions MaxStartups
ModuliFile PasswordAuthentication PermitEmptyPasswords PermitListen PermitOpen PermitRootLogin PermitTTY PermitTunnel
PermitUserEnvironment PermitUserRC PerSourceMaxStartups PerSourceNetBlockSize PerSourcePenalties
PerSourcePenaltyExemptList PidFile Port PrintLastLog PrintMotd PubkeyAcceptedAlgorithms PubkeyAuthentication
PubkeyAuthOptions RDomain RefuseConnection RekeyLimit RequiredRSASize RevokedKeys SecurityKeyProvider SetEnv
SshdAuthPath SshdSessionPath StreamLocalBindMask StreamLocalBindUnlink StrictModes Subsystem SyslogFacility
TCPKeepAlive TrustedUserCAKeys UnusedConnectionTimeout UseDNS UsePAM VersionAddendum X11DisplayOffset X11Forwarding
X11UseLocalhost XAuthLocation
"""
# What decides who gets in, or how, and so must never be passed over.
DECISIVE = """
AllowGroups AllowUsers AuthenticationMethods AuthorizedKeysCommand AuthorizedKeysFile AuthorizedPrincipalsCommand
AuthorizedPrincipalsFile CASignatureAlgorithms ChrootDirectory Ciphers Compression DenyGroups DenyUsers
DisableForwarding ForceCommand GSSAPIAuthentication HostbasedAuthentication HostCertificate HostKey HostKeyAgent
HostKeyAlgorithms KbdInteractiveAuthentication KerberosAuthentication KexAlgorithms LoginGraceTime MACs Match
MaxAuthTries MaxSessions MaxStartups PasswordAuthentication PermitEmptyPasswords PermitOpen PermitRootLogin PermitTTY
PermitUserEnvironment PerSourceMaxStartups PerSourcePenalties PubkeyAcceptedAlgorithms PubkeyAuthentication
PubkeyAuthOptions RDomain RefuseConnection RequiredRSASize RevokedKeys StrictModes TrustedUserCAKeys UseDNS UsePAM
ChallengeResponseAuthentication PubkeyAcceptedKeyTypes SkeyAuthentication DSAAuthentication
"""
TABLES = (ACTED_ON, REFUSED, NOTED_REASONS, STRUCTURE)


@pytest.mark.parametrize("name", MANUAL.split())
def test_every_keyword_of_the_manual_is_in_exactly_one_table(name: str) -> None:
    assert sum(name.lower() in table for table in TABLES) == 1


def test_no_keyword_is_in_two_tables() -> None:
    names = [name for table in TABLES for name in table]
    assert len(names) == len(set(names))
    assert not set(names) & set(ALIASES)
    assert set(ALIASES.values()) <= set(names)
    assert set(names) >= GLOBAL_ONLY


@pytest.mark.parametrize("name", DECISIVE.split())
def test_what_decides_who_gets_in_is_never_passed_over(name: str) -> None:
    assert ALIASES.get(name.lower(), name.lower()) not in NOTED_REASONS


def test_what_is_acted_on_leads_to_an_option_of_the_server_or_to_the_config() -> None:
    for row in ACTED_ON.values():
        assert (row.option in ServerOptions.__dataclass_fields__) != (row.put is not None), row.name


@pytest.mark.parametrize("key", REFUSED)
def test_what_is_refused_says_where_and_what_to_do_unless_it_asks_for_what_is_done_anyway(key: str) -> None:
    refusal = REFUSED[key]
    for fitting in refusal.fitting:
        ServerConfigReader().take_line(f"{refusal.name} {fitting.upper()}", "file line 1")
    with pytest.raises(ConfigError, match=f"file line 1: {refusal.name} other is not supported: ") as caught:
        ServerConfigReader().take_line(f"{refusal.name} other", "file line 1")
    step = caught.value.next_step
    assert step is not None
    option = step.partition("-o ")[2].partition(",")[0]
    reader = ServerConfigReader()
    reader.take_line(option, "command line")
    reader.take_line(f"{refusal.name} other", "file line 1")


@pytest.mark.parametrize("key", NOTED_REASONS)
def test_what_is_noted_says_why(key: str) -> None:
    reader = ServerConfigReader()
    reader.take_line(f"{key} anything 'at all", "file line 1")
    assert reader.ignored == [f"file line 1: {key} has no effect here: {NOTED_REASONS[key]}"]
