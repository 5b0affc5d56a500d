"""``keygen -M``: candidates and tested groups, each also given to ssh-keygen."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_ssh.ssh.crypto.key_agreement.primes import seems_prime
from jupyter_ssh.ssh.server.moduli import read_moduli
from tests.support.keygen import Twins, ours, theirs
from tests.support.processes import end_process, wait_until

START = f"{(1 << 510) + 12345:x}"
ROUNDS = ("-O", "prime-tests=8")


@pytest.fixture
def twins(tmp_path: Path) -> Twins:
    return Twins(tmp_path)


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moduli")
    answer = ours(folder, "-M", "generate", "-O", "bits=512", "-O", "memory=1", "-O", f"start={START}", "candidates")
    assert answer.status == 0, answer.err
    assert "Found " in answer.err
    return folder / "candidates"


@pytest.fixture(scope="module")
def groups(candidates: Path) -> Path:
    answer = ours(candidates.parent, "-M", "screen", "-f", "candidates", *ROUNDS, "groups")
    assert answer.status == 0, answer.err
    assert "safe primes among" in answer.err
    return candidates.parent / "groups"


def without_time(path: Path) -> list[str]:
    return [line.split(" ", 1)[1] for line in path.read_text().splitlines()]


def numbers(path: Path) -> list[int]:
    return [int(line.split()[-1], 16) for line in path.read_text().splitlines()]


def test_candidates_have_no_small_factor_and_none_is_missing(candidates: Path) -> None:
    found = numbers(candidates)
    begin = int(START, 16) | 1
    small = [prime for prime in range(3, 2000, 2) if all(prime % factor for factor in range(3, prime, 2))]
    expected = {
        number
        for number in range(begin, begin + 20_000, 2)
        if all(number % prime and (2 * number + 1) % prime for prime in small)
    }
    assert {number for number in found if number < begin + 20_000} <= expected
    assert all(number in found for number in expected if seems_prime(number, 4) and seems_prime(2 * number + 1, 4))
    assert found == sorted(found)
    assert all(number.bit_length() == 511 for number in found)


def test_both_find_the_same_groups(twins: Twins, candidates: Path, groups: Path) -> None:
    twins.copy(candidates, groups)
    (twins.theirs / "groups").unlink()
    assert theirs(twins.theirs, "-M", "screen", "-f", "candidates", *ROUNDS, "groups").status == 0
    assert without_time(groups) == without_time(twins.theirs / "groups")
    read = read_moduli(groups)
    assert read
    assert all(seems_prime(group.p, 8) and seems_prime(group.p >> 1, 8) for group in read)
    again, other = twins.run("-M", "screen", "-f", "groups", *ROUNDS, "-O", "generator=2", "twice")
    assert (again.status, other.status) == (0, 0)
    assert without_time(twins.ours / "twice") == without_time(twins.theirs / "twice")


def test_a_part_of_the_lines(twins: Twins, candidates: Path) -> None:
    twins.copy(candidates)
    words = ("-M", "screen", "-f", "candidates", *ROUNDS, "-O", "start-line=500", "-O", "lines=1500", "groups")
    mine, other = twins.run(*words)
    assert (mine.status, other.status) == (0, 0), mine.err
    assert without_time(twins.ours / "groups") == without_time(twins.theirs / "groups")


def test_an_interrupted_run_goes_on_where_it_was(twins: Twins, candidates: Path, groups: Path) -> None:
    twins.copy(candidates)
    lines = candidates.read_text().splitlines()
    (twins.ours / "first").write_text("\n".join(lines[:2000]) + "\n")
    assert ours(twins.ours, "-M", "screen", "-f", "first", *ROUNDS, "groups").status == 0
    (twins.ours / "done").write_text("2000\n")
    rest = ours(twins.ours, "-M", "screen", "-f", "candidates", *ROUNDS, "-O", "checkpoint=done", "groups")
    assert rest.status == 0, rest.err
    assert without_time(twins.ours / "groups") == without_time(groups)
    assert not (twins.ours / "done").exists()


def test_candidates_from_standard_input(twins: Twins, candidates: Path) -> None:
    text = "\n".join(candidates.read_text().splitlines()[:800]) + "\n"
    (twins.ours / "some").write_text(text)
    assert ours(twins.ours, "-M", "screen", "-f", "some", *ROUNDS, "named").status == 0
    assert ours(twins.ours, "-M", "screen", *ROUNDS, "piped", input=text.encode()).status == 0
    assert without_time(twins.ours / "piped") == without_time(twins.ours / "named")


def test_lines_that_are_none_are_passed_over(twins: Twins, groups: Path) -> None:
    good = groups.read_text().splitlines()[0]
    words = good.split()
    damaged = [
        "# a comment",
        "",
        "not a line",
        " ".join([*words[:2], "7", *words[3:]]),  # composite
        " ".join([*words[:4], "600", *words[5:]]),  # another size
        " ".join([*words[:6], "xyz"]),
        " ".join([*words[:6], f"{int(words[6], 16) + 2:X}"]),
        "9" * 100_000,
        good,
    ]
    twins.write("lines", "\n".join(damaged) + "\n")
    answer = ours(twins.ours, "-M", "screen", "-f", "lines", *ROUNDS, "groups")
    assert answer.status == 0, answer.err
    assert numbers(twins.ours / "groups") == [int(words[6], 16)]


def test_groups_are_added_to_those_of_the_file(twins: Twins, groups: Path) -> None:
    """So that what /etc/ssh/moduli holds is not lost."""
    lines = groups.read_text().splitlines(keepends=True)
    twins.write("found", "# of an earlier run\n" + lines[0])
    twins.write("candidates", lines[1])
    mine, other = twins.run("-M", "screen", "-f", "candidates", *ROUNDS, "found")
    assert (mine.status, other.status) == (0, 0), mine.err
    assert (twins.ours / "found").read_text().startswith("# of an earlier run\n" + lines[0])
    assert without_time(twins.ours / "found") == without_time(twins.theirs / "found")


def test_a_group_is_in_the_file_as_soon_as_it_is_found(tmp_path: Path, groups: Path) -> None:
    """A run takes hours: what it has found must outlive it."""
    found = tmp_path / "found"
    words = [sys.executable, "-m", "jupyter_ssh.commands", "keygen", "-M", "screen", *ROUNDS, str(found)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert process.stdin is not None
        with process.stdin as stream:  # open until the end: more candidates may come
            stream.write(groups.read_bytes().splitlines(keepends=True)[0])
            stream.flush()
            wait_until(lambda: found.exists() and found.read_text().endswith("\n"), "the group is in the file")
            process.send_signal(signal.SIGINT)
            assert process.wait(30) != 0
    finally:
        end_process(process)
    assert numbers(found) == numbers(groups)[:1]


def test_only_lines_whose_number_is_tested_count_as_candidates(twins: Twins, candidates: Path, groups: Path) -> None:
    words = groups.read_text().splitlines()[0].split()
    lines = [
        "# a comment",
        "too short",
        " ".join([*words[:2], "7", *words[3:]]),  # composite
        " ".join([*words[:4], "600", *words[5:]]),  # another size
        *candidates.read_text().splitlines()[:30],
        " ".join(words),
    ]
    twins.write("lines", "\n".join(lines) + "\n")
    count = re.compile(r"Found (\d+) safe primes \w+ (\d+) candidates")
    mine, other = (count.search(answer.err) for answer in twins.run("-M", "screen", "-f", "lines", *ROUNDS, "found"))
    assert mine is not None
    assert other is not None
    assert mine.groups() == other.groups()


def test_a_file_is_not_read_and_written_at_once(tmp_path: Path, groups: Path) -> None:
    """Each group added would be read and added again, without an end."""
    before = groups.read_bytes()
    (tmp_path / "groups").write_bytes(before)
    answer = ours(tmp_path, "-M", "screen", "-f", "groups", *ROUNDS, "groups")
    assert answer.status != 0
    assert "both" in answer.err
    assert (tmp_path / "groups").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-M", "sift", "x"), "Unsupported moduli operation: sift"),
        (("-M", "generate"), "Too few arguments."),
        (("-M", "generate", "-O", "bits=100", "x"), "Invalid bits: 100"),
        (("-M", "generate", "-O", "bits=512", "-O", "start=ff", "x"), "Invalid start"),
        (("-M", "generate", "-O", "start=xyz", "x"), "Invalid start: xyz"),
        (("-M", "generate", "-O", "memory=1000", "x"), "Invalid memory: 1000"),
        (("-M", "generate", "-O", "colour=red", "x"), 'Option "colour=red" is unsupported for moduli'),
        (("-M", "screen", "-f", "nothing", "x"), "nothing: No such file"),
        (("-M", "screen", "-f", "damaged", "missing/x"), "missing/x: No such file"),
        (("-M", "screen", "-O", "prime-tests=1", "x"), "Invalid prime-tests: 1"),
        (("-M", "screen", "-f", "damaged", "-O", "checkpoint=damaged", "x"), "is not a checkpoint"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_cannot_be_done(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "damaged").write_text("no number\n")
    answer = ours(tmp_path, *words)
    assert answer.status != 0
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "x").exists()
