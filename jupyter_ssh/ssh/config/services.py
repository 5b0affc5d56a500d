"""Names of TCP ports, which OpenSSH takes wherever it takes a port.

These are the registered names (RFC 6335) that people forward or connect to.  The list of the system, /etc/services, is
not read, because nothing here reads files that are not configuration.
"""

from __future__ import annotations

from typing import Final

SERVICES: Final = {
    "domain": 53,
    "ftp": 21,
    "git": 9418,
    "http": 80,
    "http-alt": 8080,
    "https": 443,
    "imap": 143,
    "imap2": 143,
    "imaps": 993,
    "ipp": 631,
    "kerberos": 88,
    "ldap": 389,
    "ldaps": 636,
    "microsoft-ds": 445,
    "ms-sql-s": 1433,
    "ms-wbt-server": 3389,
    "mysql": 3306,
    "nfs": 2049,
    "nntp": 119,
    "pop3": 110,
    "pop3s": 995,
    "postgresql": 5432,
    "redis": 6379,
    "rsync": 873,
    "smtp": 25,
    "socks": 1080,
    "ssh": 22,
    "submission": 587,
    "submissions": 465,
    "svn": 3690,
    "telnet": 23,
    "x11": 6000,
}
