"""Values of keywords with a syntax of their own: forwards, IPQoS, times with words, canonical names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from jupyter_ssh.ssh.config.target import Target, parse_jumps
from jupyter_ssh.ssh.config.values import WORDS, Kind, parse_port, parse_time, parse_yes_no
from jupyter_ssh.ssh.config.words import unquoted

SOCKS = "socks"  # the target of a SOCKS proxy on the server, as ``ssh -G`` prints it


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a forward: a TCP address or the path of a Unix socket.  ``host`` is ``None`` if none was given."""

    host: str | None = None
    port: int = 0
    path: str | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return self.path
        return str(self.port) if self.host is None else f"[{self.host}]:{self.port}"


@dataclass(frozen=True, slots=True)
class Forward:
    """A LocalForward, RemoteForward or DynamicForward; without ``connect`` it is a SOCKS proxy."""

    listen: Endpoint
    connect: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class PermittedCname:
    """A rule of CanonicalizePermittedCNAMEs: two comma-separated lists of patterns."""

    source: str
    target: str


# --- forwards ---------------------------------------------------------------------------------------------------------

# In brackets anything is literal; elsewhere a backslash makes the next character so.
_FIELD = re.compile(r"\[(?P<literal>[^\]]*)\]|(?P<plain>(?:\\.|[^:\\])*)", re.DOTALL)
# A field with a slash is the path of a Unix socket.
_IS_PATH = re.compile(r".*/", re.DOTALL)


def parse_forward(text: str, *, dynamic: bool = False, remote: bool = False) -> Forward:
    """Parse ``[address:]port[:host:hostport]``, where either end may be a Unix socket; raises ``ValueError``.

    ``dynamic``: there is no second end; ``remote``: the server may choose the port (0), and a second end that is a path
    may follow in the same word, as in OpenSSH.
    """
    fields = _fields(text.strip())
    count = _listening(fields)
    listen = _endpoint(fields[:count])
    connect = _endpoint(fields[count:]) if fields[count:] else None
    if dynamic and (len(fields) > 2 or (connect is not None and not remote)):
        raise _bad_forward()
    if connect is None and not dynamic:
        raise _bad_forward()
    if listen.path is None and not listen.port and not remote:
        raise _bad_forward()
    if connect is not None and connect.path is None and not (connect.host and connect.port):
        raise _bad_forward()
    return Forward(listen, connect)


def _bad_forward() -> ValueError:
    return ValueError("Bad forwarding specification.")


def _fields(text: str) -> list[str]:
    """Split at colons."""
    fields: list[str] = []
    position = 0
    while True:
        match = _FIELD.match(text, position)
        if match is None:
            raise _bad_forward()
        plain = match["plain"]
        fields.append(match["literal"] if plain is None else re.sub(r"\\(.)", r"\1", plain, flags=re.DOTALL))
        end = match.end()
        if end == len(text):
            return fields
        if text[end] != ":":
            raise _bad_forward()
        position = end + 1


def _listening(fields: list[str]) -> int:
    """Return how many of the fields belong to the first end, which depends on their number and on which are paths."""
    first, last = _IS_PATH.match(fields[0]), _IS_PATH.match(fields[-1])
    match len(fields):
        case 1:
            return 1
        case 2:
            return 1 if last else 2
        case 3:
            return 2 if last and not first else 1
        case 4:
            return 2
    raise _bad_forward()


def _endpoint(fields: list[str]) -> Endpoint:
    *host, port = fields
    if not host:
        return Endpoint(path=port) if _IS_PATH.match(port) else Endpoint(None, _forward_port(port))
    return Endpoint(host[0], _forward_port(port))


def _forward_port(text: str) -> int:
    try:
        return 0 if text == "0" else parse_port(text)
    except ValueError:
        raise _bad_forward() from None


def _forward_kind(*, dynamic: bool = False, remote: bool = False) -> Kind:
    def read(arguments: Sequence[str]) -> tuple[Forward, ...]:
        words = [word for word in arguments if word]
        if len(words) == 1 and not dynamic and not remote:
            raise ValueError("Missing target argument.")
        return (parse_forward(":".join(words), dynamic=dynamic or len(words) == 1, remote=remote),)

    return Kind("forward", read, _write_forwards, most=1 if dynamic else 2, variables=True)


def _write_forwards(value: object) -> list[str]:
    lines = []
    for forward in value if isinstance(value, tuple) else ():
        target = forward.connect or Endpoint(SOCKS, 0)
        lines.append(str(forward.listen) if forward.connect is None else f"{forward.listen} {target}")
    return lines


def _write_remote(value: object) -> list[str]:
    forwards = value if isinstance(value, tuple) else ()
    return [f"{forward.listen} {forward.connect or Endpoint(SOCKS, 0)}" for forward in forwards]


LOCAL_FORWARD = _forward_kind()
DYNAMIC_FORWARD = _forward_kind(dynamic=True)
_REMOTE = _forward_kind(remote=True)
REMOTE_FORWARD = replace(_REMOTE, write=_write_remote)


def _read_permitted_opens(arguments: Sequence[str]) -> tuple[str, ...]:
    for argument in arguments:
        if argument.lower() in ("any", "none"):
            if len(arguments) > 1:
                raise ValueError(f'"{argument}" argument must appear alone.')
            continue
        host, colon, port = argument.rpartition(":")
        if not colon or not host:
            raise ValueError("missing host in PermitRemoteOpen")
        if port != "*":
            parse_port(port)
    return tuple(arguments)


PERMITTED_OPENS = Kind("any | none | host:port …", _read_permitted_opens, WORDS.write, most=None)

# --- IPQoS ------------------------------------------------------------------------------------------------------------

# RFC 2474, 2597, 3246, 8622.
_CLASSES = {f"af{high}{low}": (high << 5) | (low << 3) for high in range(1, 5) for low in range(1, 4)}
_QOS = _CLASSES | {f"cs{number}": number << 5 for number in range(8)}
_QOS |= {"ef": 0xB8, "le": 0x04}
# The types of service of RFC 1349 mean something else today: since OpenSSH 10.1 they leave the system's default.
_QOS_OF_OLD = ("lowdelay", "throughput", "reliability")
_QOS_NUMBER = re.compile(r"0x([0-9a-f]{1,4})|0([0-7]{1,4})|(0|[1-9][0-9]{0,3})")
_QOS_NAMES = {value: name for name, value in _QOS.items()}


def _read_qos(arguments: Sequence[str]) -> tuple[int | None, int | None]:
    values = [_one_qos(argument) for argument in arguments]
    return values[0], values[-1]


def _one_qos(text: str) -> int | None:
    if text.lower() in ("none", *_QOS_OF_OLD):
        return None
    if text.lower() in _QOS:
        return _QOS[text.lower()]
    match = _QOS_NUMBER.fullmatch(text.lower())
    if match is not None:
        value = int(match[1], 16) if match[1] else int(match[2], 8) if match[2] else int(match[3])
        if value < 256:
            return value
    raise ValueError(f"Bad IPQoS value: {text}")


def _write_qos(value: object) -> list[str]:
    if not isinstance(value, tuple):
        return []
    return [" ".join("none" if one is None else _QOS_NAMES.get(one, f"0x{one:02x}") for one in value)]


QOS = Kind("class or number, for interactive and other sessions", _read_qos, _write_qos, most=2)

# --- times with words -------------------------------------------------------------------------------------------------


def _read_persist(arguments: Sequence[str]) -> float | None:
    """Parse ControlPersist: ``None`` for no, 0 for ever, else seconds."""
    text = arguments[0]
    if text.lower() in ("yes", "true", "no", "false"):
        return 0 if parse_yes_no(text) else None
    return parse_time(text)


PERSIST = Kind("yes | no | time", _read_persist, lambda v: ["no" if v is None else f"{v:g}" if v else "yes"])


def _read_keystrokes(arguments: Sequence[str]) -> int:
    """Parse ObscureKeystrokeTiming: milliseconds between packets of keystrokes; 0 if not obscured."""
    text = arguments[0].lower()
    if text in ("yes", "true", "no", "false"):
        return 20 if parse_yes_no(text) else 0
    match = re.fullmatch(r"interval:([0-9]{1,4})", text)
    if match is None or not 0 < int(match[1]) <= 1000:
        raise ValueError(f'unsupported option "{arguments[0]}".')
    return int(match[1])


def _write_keystrokes(value: object) -> list[str]:
    return [{0: "no", 20: "yes"}.get(int(str(value)), f"interval:{value}")]


KEYSTROKES = Kind("yes | no | interval:milliseconds", _read_keystrokes, _write_keystrokes)


def _read_channel_timeouts(arguments: Sequence[str]) -> tuple[str, ...]:
    if arguments[0].lower() == "none":
        if len(arguments) > 1:
            raise ValueError('"none" argument must appear alone.')
        return ()
    for argument in arguments:
        kind, equals, interval = argument.partition("=")
        if not equals or not kind:
            raise ValueError(f"invalid channel timeout {argument}")
        parse_time(interval)
    return tuple(arguments)


CHANNEL_TIMEOUTS = Kind("type=time …", _read_channel_timeouts, WORDS.write, most=None)

# --- other forms ------------------------------------------------------------------------------------------------------


def _read_mask(arguments: Sequence[str]) -> int:
    if not re.fullmatch(r"[0-7]{1,4}", arguments[0]) or int(arguments[0], 8) > 0o777:
        raise ValueError("Bad mask.")
    return int(arguments[0], 8)


MASK = Kind("octal mask", _read_mask, lambda v: [f"0{v:o}"])


def _read_tunnel_device(arguments: Sequence[str]) -> tuple[int | None, int | None]:
    """Parse the numbers of the local and the remote device; ``None`` stands for any free one."""
    first, colon, second = arguments[0].partition(":")
    words = [first, second if colon else "any"]
    numbers = [None if word.lower() == "any" else _device_number(word) for word in words]
    return numbers[0], numbers[1]


def _device_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("Bad tun device.")
    return int(text)


def _write_tunnel_device(value: object) -> list[str]:
    assert isinstance(value, tuple)
    return [":".join("any" if number is None else str(number) for number in value)]


TUNNEL_DEVICE = Kind("number[:number]", _read_tunnel_device, _write_tunnel_device)


def _read_agent(arguments: Sequence[str]) -> str:
    text = arguments[0]
    if text.startswith("$") and not text.startswith("${") and not re.fullmatch(r"\$[A-Za-z0-9_]+", text):
        raise ValueError(f"Invalid environment name {text}.")
    return text


AGENT = Kind("socket, SSH_AUTH_SOCK, $NAME or none", _read_agent, lambda v: [] if v is None else [str(v)])


def _read_cnames(arguments: Sequence[str]) -> tuple[PermittedCname, ...]:
    if arguments[0].lower() == "none":
        if len(arguments) > 1:
            raise ValueError('"none" argument must appear alone.')
        return ()
    rules = []
    for argument in arguments:
        source, colon, target = argument.partition(":")
        if argument == "*":
            source, colon, target = "*", ":", "*"
        if not colon or not target:
            raise ValueError(f'Invalid permitted CNAME "{argument}"')
        rules.append(PermittedCname(source, target))
    return tuple(rules)


def _write_cnames(value: object) -> list[str]:
    rules = value if isinstance(value, tuple) else ()
    return [" ".join(f"{rule.source}:{rule.target}" for rule in rules) or "none"]


CNAMES = Kind("patterns:patterns …", _read_cnames, _write_cnames, most=None)


def _read_domains(arguments: Sequence[str]) -> tuple[str, ...]:
    for argument in arguments:
        if argument.lower() == "none":
            if len(arguments) > 1:
                raise ValueError('"none" argument must appear alone.')
        elif not re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.|$))*\.?", argument):
            raise ValueError(f'domain name "{argument}" contains invalid characters')
    return () if arguments[0].lower() == "none" else tuple(argument.rstrip(".").lower() for argument in arguments)


DOMAINS = Kind("domains", _read_domains, WORDS.write, most=None)


def _write_jumps(value: object) -> list[str]:
    hops: Sequence[Target] = value if isinstance(value, tuple) else ()
    return [",".join(map(str, hops))] if hops else []


JUMPS = Kind("[user@]host[:port],… or none", lambda a: parse_jumps(unquoted(a[0])), _write_jumps, raw=True)
