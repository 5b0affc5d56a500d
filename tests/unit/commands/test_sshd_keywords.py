"""The table of all keywords of sshd_config(5): each is acted on, refused, or noted because it decides nothing."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable

import pytest

from jupyter_ssh.commands.sshd import main
from jupyter_ssh.commands.sshd.config import ServerConfigReader
from jupyter_ssh.commands.sshd.keywords import ACTED_ON, ALIASES, NOTED_REASONS, REFUSED, STRUCTURE, ServerConfig
from jupyter_ssh.commands.sshd.matching import GLOBAL_ONLY
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.server.channels.session import REQUESTS
from jupyter_ssh.ssh.server.options import ServerOptions
from jupyter_ssh.ssh.server.registry import SERVER
from tests.support.tree import TREE

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
# The same keywords by what they decide.  First: who gets in, how, and what clients may do then or cost.  None of these
# may be passed over.
DECISIVE = """
AcceptEnv AddressFamily AllowAgentForwarding AllowGroups AllowTcpForwarding AllowUsers AuthenticationMethods
AuthorizedKeysCommand AuthorizedKeysFile AuthorizedPrincipalsCommand AuthorizedPrincipalsFile Banner
CASignatureAlgorithms ChannelTimeout ChrootDirectory Ciphers ClientAliveCountMax ClientAliveInterval Compression
DenyGroups DenyUsers DisableForwarding ExposeAuthInfo ForceCommand GSSAPIAuthentication GSSAPIDelegateCredentials
HostCertificate HostKey HostKeyAgent HostKeyAlgorithms HostbasedAuthentication Include KbdInteractiveAuthentication
KerberosAuthentication KerberosGetAFSToken KexAlgorithms ListenAddress LoginGraceTime MACs Match MaxAuthTries
MaxSessions MaxStartups ModuliFile PasswordAuthentication PerSourceMaxStartups PerSourcePenalties PermitEmptyPasswords
PermitOpen PermitRootLogin PermitTTY PermitUserEnvironment Port PubkeyAcceptedAlgorithms PubkeyAuthOptions
PubkeyAuthentication RDomain RefuseConnection RekeyLimit RequiredRSASize RevokedKeys SetEnv StrictModes Subsystem
TCPKeepAlive TrustedUserCAKeys UnusedConnectionTimeout UseDNS UsePAM
"""
# Of the same kind, but not in the manual: earlier names, and a patch that distributions have.
UNDOCUMENTED_DECISIVE = """
ChallengeResponseAuthentication DSAAuthentication GSSAPIKeyExchange HostDSAKey KeepAlive PubkeyAcceptedKeyTypes
SkeyAuthentication
"""
# What only shapes something that is refused at the start.
ONLY_WITH = {
    "AuthorizedKeysCommand": "AuthorizedKeysCommandUser",
    "AuthorizedPrincipalsCommand": "AuthorizedPrincipalsCommandUser",
    "GSSAPIAuthentication": "GSSAPICleanupCredentials GSSAPIStrictAcceptorCheck",
    "HostbasedAuthentication": "HostbasedAcceptedAlgorithms HostbasedUsesNameFromPacketOnly IgnoreRhosts "
    "IgnoreUserKnownHosts",
    "KerberosAuthentication": "KerberosOrLocalPasswd KerberosTicketCleanup",
    "PerSourceMaxStartups": "PerSourceNetBlockSize",
    "PerSourcePenalties": "PerSourcePenaltyExemptList",
}
# What permits or shapes something that clients ask for with these messages, which this server always refuses.
NEVER_DONE = {
    "x11-req": "X11DisplayOffset X11Forwarding X11UseLocalhost XAuthLocation",
    "tcpip-forward": "GatewayPorts PermitListen",
    "streamlocal-forward@openssh.com": "AllowStreamLocalForwarding StreamLocalBindMask StreamLocalBindUnlink",
    "direct-streamlocal@openssh.com": "",  # AllowStreamLocalForwarding, too
    "tun@openssh.com": "PermitTunnel",
}
# Files for messages and processes, texts, and what a login prints or runs by itself.
DECIDES_NOTHING = """
FingerprintHash IPQoS LogLevel LogVerbose PermitUserRC PidFile PrintLastLog PrintMotd SecurityKeyProvider SshdAuthPath
SshdSessionPath SyslogFacility VersionAddendum
"""
GROUPS = (DECISIVE, DECIDES_NOTHING, *ONLY_WITH.values(), *NEVER_DONE.values())
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


@pytest.mark.parametrize("name", MANUAL.split())
def test_it_is_settled_of_every_keyword_what_it_decides(name: str) -> None:
    assert [name in group.split() for group in GROUPS].count(True) == 1


@pytest.mark.parametrize("name", (DECISIVE + UNDOCUMENTED_DECISIVE).split())
def test_what_decides_who_gets_in_is_never_passed_over(name: str) -> None:
    assert any(ALIASES.get(name.lower(), name.lower()) in table for table in (ACTED_ON, REFUSED, STRUCTURE))


@pytest.mark.parametrize("name", ONLY_WITH)
def test_what_other_keywords_only_shape_is_refused(name: str) -> None:
    assert name.lower() in REFUSED


@pytest.mark.parametrize("message", NEVER_DONE)
def test_what_keywords_would_permit_is_refused_anyway(message: str) -> None:
    assert all(message not in table for table in (SERVER.channels, SERVER.requests, REQUESTS))


def test_what_is_acted_on_leads_to_an_option_of_the_server_or_to_the_config() -> None:
    for row in ACTED_ON.values():
        assert (row.option in ServerOptions.__dataclass_fields__) != (row.put is not None), row.name


# --- what is stored is also used --------------------------------------------------------------------------------------


def reads(sources: Iterable[str], owners: str) -> set[str]:
    """The attributes that sources read of objects with names that match ``owners``."""
    return {
        node.attr
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        if re.fullmatch(owners, ast.unparse(node.value))
    }


def sources_below(folder: str) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((TREE / "jupyter_ssh" / folder).rglob("*.py"))]


def test_every_option_of_a_server_is_read() -> None:
    read = reads(sources_below("ssh/server"), r"(\w+\.)*_?options")
    # What methods and properties read counts if they are used themselves.  Checks at the start are no use of a value.
    for name, method in vars(ServerOptions).items():
        function = getattr(method, "fget", method)
        if name in read and inspect.isfunction(function):
            read |= reads([textwrap.dedent(inspect.getsource(function))], "self")
    assert set(ServerOptions.__dataclass_fields__) - read == set()


def test_every_setting_that_a_server_s_option_goes_to_is_read() -> None:
    (call,) = [
        node
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(ServerOptions.settings))))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Settings"
    ]
    given = {keyword.arg for keyword in call.keywords}
    assert len(given) > 5
    assert given - reads(sources_below("ssh"), r"(\w+\.)*_?settings") == set()


def test_everything_of_the_configuration_is_read() -> None:
    read = reads([inspect.getsource(main)], r"(self\._)?config")
    assert set(ServerConfig.__dataclass_fields__) - read == set()


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
