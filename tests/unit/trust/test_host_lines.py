"""Finding a host among many lines: the same lines as by looking at each, and few of them looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.trust import KnownHosts, Status, append, host_file, host_lines
from jupyter_ssh.ssh.trust.editing import is_for
from jupyter_ssh.ssh.trust.entries import MAX_LINE, BadLine, Entry, parse_line
from jupyter_ssh.ssh.trust.host_lines import HostLines
from jupyter_ssh.ssh.trust.host_names import hash_name

KEY, OTHER = generate().public, generate().public
PATH = Path("known_hosts")
NAMES = ("a", "b.example", "[b.example]:22", "\u00e9", "1.2.3.4")
MANY = 100_000

names = st.sampled_from(NAMES)
hosts = st.one_of(
    names,
    st.builds(hash_name, names, st.binary(min_size=20, max_size=20)),
    st.lists(
        st.one_of(names, names.map(str.upper), st.sampled_from(["", "*", "?", "!a", "*.example", "[*]:*", "|1|x|y"])),
        min_size=1,
        max_size=4,
    ).map(",".join),
    st.text(max_size=4),
)
lines = st.builds(
    "{}{}{}{} {}{}".format,
    st.sampled_from(["", "", " ", "\t", "\r", "\x0b"]),
    st.sampled_from(["", "", "", "@revoked ", "@revoked\t\t", "@nonsense ", "@", "#", "# "]),
    hosts,
    st.sampled_from(["", "\t", " \r"]),
    st.sampled_from([KEY.line(), OTHER.line("comment * ! ?"), "nonsense", ""]),
    st.sampled_from(["", "\r", " "]),
)


@given(st.lists(lines, max_size=12), st.sampled_from(["\n", "\n\n", "\n# x,a\n"]))
def test_the_lines_that_looking_at_each_would_find(content: list[str], separator: str) -> None:
    data = separator.join(content).encode("utf-8", "surrogateescape")
    found = HostLines(PATH, data)
    every = [parse_line(line, PATH, number) for number, line in enumerate(data.split(b"\n"), 1)]
    for name in (*NAMES, "", "x", "a,b.example"):
        expected = [entry for entry in every if isinstance(entry, Entry) and is_for(entry, name)]
        assert [entry for entry in found.lookup(name) if isinstance(entry, Entry)] == expected, name
    assert list(found.parsed()) == every
    assert found.with_key(KEY.blob) == [entry for entry in every if isinstance(entry, Entry) and entry.blob == KEY.blob]


@given(st.lists(lines, max_size=8), st.lists(lines, max_size=8), names)
def test_what_was_found_before_is_not_looked_for_again(before: list[str], after: list[str], name: str) -> None:
    first = "".join(f"{line}\n" for line in before).encode("utf-8", "surrogateescape")
    more = "".join(f"{line}\n" for line in after).encode("utf-8", "surrogateescape")
    earlier = HostLines(PATH, first)
    earlier.lookup(name)
    for data in (first + more, more + first, more, first[: len(first) // 2]):
        assert HostLines(PATH, data, earlier).lookup(name) == HostLines(PATH, data).lookup(name)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the lines that were looked at."""
    numbers: list[int] = []

    def counted(raw: bytes, path: Path, number: int) -> Entry | BadLine | None:
        numbers.append(number)
        return parse_line(raw, path, number)

    monkeypatch.setattr(host_lines, "parse_line", counted)
    return numbers


@pytest.mark.parametrize("hashed", [False, True])
def test_many_lines(hashed: bool, tmp_path: Path, looked_at: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "known_hosts"
    with path.open("w") as file:
        for number in range(1, MANY + 1):
            name = f"host{number}.example"
            file.write(f"{hash_name(name, os.urandom(20)) if hashed else name} {KEY.line()}\n")
    known_hosts = KnownHosts.load([path])
    assert known_hosts.check("host77777.example", 22, KEY).status is Status.KNOWN
    assert known_hosts.check("nothing.example", 22, KEY).status is Status.UNKNOWN
    assert set(looked_at) == {77777}
    # Another connection reads nothing anew, and hashes no name a second time.
    monkeypatch.setattr(host_file, "read_content", None)
    with monkeypatch.context() as patched:
        # Whether names are hashed again shows in nothing but time.
        patched.setattr("jupyter_ssh.ssh.trust.hashed_names.HashedNames._search", None)
        again = KnownHosts.load([path])
        assert again.check("host77777.example", 22, OTHER).status is Status.CHANGED
        assert again.check("nothing.example", 22, KEY).status is Status.UNKNOWN
    # Until the file changes.
    monkeypatch.undo()
    append(path, "nothing.example", 22, KEY, hashed)
    again.refresh()
    assert again.check("nothing.example", 22, KEY).status is Status.KNOWN


def test_bad_lines_of_a_host(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    content = (
        f"good,host {KEY.line()}\nhost {KEY.line()[:-9]}\nother {KEY.line()[:-9]}\nhost {'x' * MAX_LINE}\n\xff\0\n"
    )
    path.write_bytes(content.encode("latin-1"))
    known_hosts = KnownHosts.load([tmp_path / "missing", path, tmp_path])
    told = [str(line) for line in known_hosts.bad_lines("host")]
    assert [line.partition(": ")[0] for line in told] == [f"{path}:2", f"{path}:4", f"{tmp_path}"]
    assert "longer than" in told[1]
    assert "cannot be read" in told[2]
    assert [entry.line for entry in known_hosts.lookup("host")] == [1]


def test_the_files_that_stay_in_memory_are_few(tmp_path: Path) -> None:
    for number in range(2 * host_file.MAX_REMEMBERED):
        append(tmp_path / str(number), "host", 22, KEY)
        KnownHosts.load([tmp_path / str(number)])
    remembered = host_file._remembered  # what is in memory shows in nothing but time
    assert len(remembered) == host_file.MAX_REMEMBERED
    assert tmp_path / str(number) in remembered
