"""AuthorizedPrincipalsFile: lines, options, and lines that are not understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.server.logins.authorized_keys import AuthorizedKeys
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions
from jupyter_ssh.ssh.server.logins.principals import Principals

HERE = "192.0.2.7"
NOW = 1_800_000_000.0


def test_lines() -> None:
    text = '# who\n\nops\n  dev # why\r\nno-pty,command="a b" web\n\tfrom="203.0.113.0/24"\tfar\nunknown-option bad\n'
    principals = Principals.parse(text)
    assert [(entry.name, entry.line) for entry in principals.entries] == [
        ("ops", 3),
        ("dev", 4),
        ("web", 5),
        ("far", 6),
    ]
    assert principals.entries[2].options == KeyOptions(pty=False, command="a b")
    assert [problem.line for problem in principals.problems] == [7]


def test_the_first_line_that_admits_counts() -> None:
    principals = Principals.parse('from="203.0.113.0/24" ops\ncommand="x" ops\nops\n')
    found = principals.find(["other", "ops"], HERE, NOW)
    assert found is not None
    assert found.options.command == "x"
    assert principals.find(["OPS", "op", ""], HERE, NOW) is None
    assert principals.find([], HERE, NOW) is None


def test_a_file_that_others_may_write(tmp_path: Path) -> None:
    path = tmp_path / "principals"
    path.write_text("ops\n")
    path.chmod(0o600)
    assert Principals.load(path).entries
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="writable by others"):
        Principals.load(path)


WORDS = st.sampled_from([*'" ,\n#=', 'command="', "principals=", "cert-authority", "restrict", "ops"])


@given(st.lists(WORDS | st.text(max_size=5)).map("".join))
def test_whatever_stands_there_is_an_entry_or_a_problem(text: str) -> None:
    for entry in Principals.parse(text).entries:
        assert entry.name
    AuthorizedKeys.parse(text)


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        (KeyOptions(pty=False), KeyOptions(agent_forwarding=False), KeyOptions(pty=False, agent_forwarding=False)),
        (KeyOptions(command="a"), KeyOptions(), KeyOptions(command="a")),
        (KeyOptions(), KeyOptions(command="a"), KeyOptions(command="a")),
        (KeyOptions(command="a"), KeyOptions(command="a"), KeyOptions(command="a")),
        (KeyOptions(expires=5.0), KeyOptions(expires=3.0), KeyOptions(expires=3.0)),
        (KeyOptions(touch_required=False), KeyOptions(), KeyOptions()),
        (KeyOptions(touch_required=False), KeyOptions(touch_required=False), KeyOptions(touch_required=False)),
        (KeyOptions(verify_required=True), KeyOptions(), KeyOptions(verify_required=True)),
        (KeyOptions(permit_open=("a:1",)), KeyOptions(permit_open=("b:1",)), KeyOptions(permit_open=("a:1",))),
        (KeyOptions(), KeyOptions(permit_open=("b:1",)), KeyOptions(permit_open=("b:1",))),
        (KeyOptions(sources=("a",)), KeyOptions(sources=("b",)), KeyOptions(sources=("a", "b"))),
        (KeyOptions(cert_authority=True, principals=("x",)), KeyOptions(), KeyOptions()),
    ],
)
def test_what_two_lines_both_allow(first: KeyOptions, second: KeyOptions, merged: KeyOptions) -> None:
    assert first.merged(second) == merged


def test_two_commands_are_none() -> None:
    with pytest.raises(ValueError, match="two different forced commands"):
        KeyOptions(command="a").merged(KeyOptions(command="b"))
