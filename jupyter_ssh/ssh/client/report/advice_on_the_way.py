"""Advice on what goes wrong before the two sides agree on algorithms: the first rows of the table of `advice`."""

from __future__ import annotations

import errno
from typing import Final

from jupyter_ssh.ssh.client.report.failures import (
    Advice,
    closed_in,
    deadline_in,
    from_an_address,
    heard,
    of_kind,
    proxy_said,
    system_error,
)
from jupyter_ssh.ssh.errors import ConfigError, ConnectError, NameNotFound, VersionError
from jupyter_ssh.ssh.protocol.roles import Phase

_FILES = "Your files"
_PROXY, _NETWORK, _FIRST = "Proxies and jump hosts", "The network", "The first bytes"

ON_THE_WAY: Final = (
    Advice(
        "config-permissions",
        _FILES,
        "Your ssh_config is writable by others",
        "Bad owner or permissions on",
        lambda failure: isinstance(failure.error, ConfigError) and failure.error.message.startswith("Bad owner"),
        "{own}. This file decides where your passwords are sent and which programs are run, so nobody else may be "
        "able to write to it.",
    ),
    Advice(
        "config",
        _FILES,
        "A configuration file or an option is invalid",
        "",
        of_kind(ConfigError),
        "{own}.",
    ),
    Advice(
        "proxy-command",
        _PROXY,
        "The ProxyCommand ended",
        "the ProxyCommand ended",
        proxy_said("command"),
        "Run it by itself in a shell, with {host_name} for %h and {port} for %p: it should keep running and print a "
        "line that begins with SSH-2.0. What it printed before it ended, if anything, is shown too.",
    ),
    Advice(
        "proxy-login",
        _PROXY,
        "The proxy requires a login, or rejects the one given",
        "proxy {via}:",
        proxy_said("login"),
        "Put the user name into the proxy's address, Proxy=socks5://USER@HOST:PORT or http://USER@HOST:PORT; you will "
        "be asked for the password.",
    ),
    Advice(
        "proxy-refused",
        _PROXY,
        "The proxy refuses the connection",
        "proxy {via}: the proxy refused the connection",
        proxy_said("refused", "forbidden"),
        "The proxy itself works. Ask whoever runs it whether it is allowed to connect to {host_name} port {port}: many "
        "allow only port 443. If {host} can be reached without a proxy, set `Proxy none` for it.",
    ),
    Advice(
        "proxy-nonsense",
        _PROXY,
        "The proxy's address does not belong to a proxy of this kind",
        "proxy {via}:",
        proxy_said("nonsense", "address"),
        "Check the proxy's type (socks5, socks4, socks4a or http) and its port in Proxy or ALL_PROXY.",
    ),
    Advice(
        "jump-forbidden",
        _PROXY,
        "The jump host is not allowed to forward you",
        "jump host {via}: not allowed to connect to {host_name} port {port}",
        proxy_said("forbidden", jump=True),
        "Its SSH server forbids forwarding for this account or to this destination: see AllowTcpForwarding, PermitOpen "
        "and `restrict` in authorized_keys there. Ask its administrator, or run a program on it instead: "
        "ProxyCommand=ssh JUMP nc %h %p.",
    ),
    Advice(
        "jump-refused",
        _PROXY,
        "The jump host cannot reach the destination",
        "jump host {via}: cannot reach {host_name} port {port}",
        proxy_said("refused", jump=True),
        "You are logged in on the jump host, and it is the jump host that resolves the name and connects. Try it "
        "there: nc -vz {host_name} {port}. If it does not know the name, set {host}'s address with HostName.",
    ),
    Advice(
        "proxy-unreachable",
        _PROXY,
        "The proxy itself cannot be reached",
        "proxy {via}: no connection to",
        lambda failure: isinstance(failure.error, ConnectError) and failure.error.message.startswith("proxy "),
        "It is the proxy {via} that cannot be reached, not {host_name}: check its address in Proxy or ALL_PROXY, or "
        "bypass it for this host with `Proxy none`.",
    ),
    Advice(
        "name-not-found",
        _NETWORK,
        "The name does not resolve",
        "the name {host_name!r} does not resolve",
        of_kind(NameNotFound),
        "Check the spelling. If {host} is an alias of yours, set `HostName` to the real name or address in its Host "
        "block in ~/.ssh/config. A company's internal names resolve only inside it or over its VPN.",
    ),
    Advice(
        "name-timeout",
        _NETWORK,
        "The name server does not answer",
        "no answer within",
        deadline_in("looking up"),
        "It is the name server that does not answer: check the network or the VPN, or set {host}'s address with "
        "HostName in ~/.ssh/config.",
    ),
    Advice(
        "refused",
        _NETWORK,
        "Connection refused",
        "no connection to {host_name} port {port}",
        system_error(errno.ECONNREFUSED),
        "The machine is up, but nothing listens on port {port}: check the port (-p or Port), and that the SSH server "
        "is running there (`systemctl status ssh`, or sshd).",
    ),
    Advice(
        "unreachable",
        _NETWORK,
        "No route to the host",
        "no connection to {host_name} port {port}",
        system_error(errno.EHOSTUNREACH, errno.ENETUNREACH),
        "There is no route to {host_name} from here: check the address and your network or VPN. If IPv6 is broken, -4 "
        "(AddressFamily inet) helps.",
    ),
    Advice(
        "no-local-address",
        _NETWORK,
        "The address to connect from does not belong to this machine",
        "no connection to {host_name} port {port}",
        from_an_address(system_error(errno.EADDRNOTAVAIL, errno.EINVAL)),
        "BindAddress or BindInterface must name an address of this machine from which the host can be reached; "
        "`ip address` lists them.",
    ),
    Advice(
        "tcp-timeout",
        _NETWORK,
        "The connection attempt times out",
        "no answer within",
        deadline_in("connecting to"),
        "Not even a refusal came back: {host_name} is down, or a firewall drops packets to port {port}. Check the "
        "address and the VPN; a distant or busy host may need more time (ConnectTimeout).",
    ),
    Advice(
        "no-connection",
        _NETWORK,
        "Any other network error",
        "",
        of_kind(ConnectError),
        "{own}.",
    ),
    Advice(
        "version-timeout",
        _FIRST,
        "The connection is accepted, but nothing is sent",
        "no answer within",
        deadline_in("version exchange"),
        "Port {port} of {host_name} accepts connections but sends nothing: it may belong to another service (a TLS "
        "server waits for the client to begin), the server may be overloaded, or a firewall is in between.",
    ),
    Advice(
        "http",
        _FIRST,
        "A web server answers",
        "",
        heard("a web server"),
        "A web server listens on port {port} of {host_name}. SSH is usually on port 22: check -p, Port in "
        "~/.ssh/config, and the port forwardings of a router.",
    ),
    Advice(
        "tls",
        _FIRST,
        "A TLS server answers",
        "",
        heard("a TLS server"),
        "Port {port} of {host_name} speaks TLS, as web and mail servers do. Check the port; if SSH is tunneled through "
        "TLS, use ProxyCommand=openssl s_client -quiet -connect %h:%p.",
    ),
    Advice(
        "mail",
        _FIRST,
        "A mail or FTP server answers",
        "",
        heard("an FTP or mail server"),
        "A mail or FTP server listens on port {port} of {host_name}; SSH is usually on port 22.",
    ),
    Advice(
        "busy",
        _FIRST,
        "The server has too many unauthenticated connections",
        "the connection was closed before the peer identified itself",
        heard("MaxStartups"),
        "The server is up but has too many connections that have not logged in yet (MaxStartups): try again in a "
        "minute. If this persists, somebody is guessing passwords there, or many jobs of yours connect at once.",
    ),
    Advice(
        "penalty",
        _FIRST,
        "The server blocks your address for a while",
        "the connection was closed before the peer identified itself",
        heard("Not allowed at this time"),
        "The server refuses connections from your address for some minutes after failed logins (PerSourcePenalties). "
        "Wait, and check that the user name and the key are the right ones.",
    ),
    Advice(
        "ssh1",
        _FIRST,
        "The server supports only SSH-1",
        "the peer speaks another version of SSH",
        lambda failure: isinstance(failure.error, VersionError) and "another version" in failure.error.message,
        "The server supports only version 1 of the SSH protocol, which is broken. Enable version 2 in its settings "
        "(`ip ssh version 2` on many switches), or update it.",
    ),
    Advice(
        "closed-at-once",
        _FIRST,
        "The connection is closed before the server identifies itself",
        "the connection was closed before the peer identified itself",
        lambda failure: isinstance(failure.error, VersionError) and failure.error.received == "nothing",
        "The connection was accepted and closed at once: hosts.deny, fail2ban or a firewall there blocks your address, "
        "the server is out of memory or processes, or nothing is behind a forwarded port. Its log says which. A TLS "
        "server does the same: check the port.",
    ),
    Advice(
        "no-ssh",
        _FIRST,
        "The server is not an SSH server",
        "",
        of_kind(VersionError),
        "Port {port} of {host_name} does not belong to an SSH server: check the host and the port.",
    ),
    Advice(
        "reset-at-once",
        _FIRST,
        "The connection is reset before the server identifies itself",
        "the connection was lost",
        closed_in(frozenset({Phase.VERSION})),
        "The connection was reset at once: by a firewall, by hosts.deny or fail2ban on {host_name}, or by a server "
        "that is out of memory or processes; its log says which. A TLS server does the same: check the port.",
    ),
)
