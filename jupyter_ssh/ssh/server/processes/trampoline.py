"""Runs in the child before the program, and sets what must be set in the process itself.

    python -I -S trampoline.py DESCRIPTOR TERMINAL FOLDER EXECUTABLE ARGV0 [ARGUMENT...]

``DESCRIPTOR`` is a pipe with the program's environment: NAME=VALUE, each followed by a NUL.  ``TERMINAL`` is 1 when
stdin is a tty that becomes the controlling terminal.  A Python function run between fork and exec (``preexec_fn``)
would do the same, but may deadlock in a process that has threads, as every kernel does.

It imports only what it needs: every module delays the shell's prompt.
"""

import fcntl
import posix
import sys
import termios
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIG_SETMASK,
    SIGINT,
    pthread_sigmask,
    signal,
    valid_signals,
)

if sys.platform == "win32":
    raise ImportError("there are no pseudo-terminals on Windows")


def main(arguments: list[str]) -> None:
    """Take the controlling terminal, reset the signals, and execute the program."""
    descriptor, terminal, folder, executable = int(arguments[0]), arguments[1] == "1", arguments[2], arguments[3]
    # Ignored signals stay ignored across exec: a kernel ignores SIGINT between cells, `nohup` ignores SIGHUP, and `&`
    # in sh SIGINT and SIGQUIT.
    for number in valid_signals():
        try:
            signal(number, SIG_DFL)
        except (OSError, ValueError):
            pass
    pthread_sigmask(SIG_SETMASK, ())
    data = b""
    while chunk := posix.read(descriptor, 65536):
        data += chunk
    posix.close(descriptor)
    environment = dict(item.split(b"=", 1) for item in data.split(b"\0") if item)
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    try:
        posix.chdir(folder)
    except OSError:
        posix.chdir("/")
    try:
        posix.execve(executable, arguments[4:], environment)
    except OSError as error:
        posix.write(2, f"cannot run {executable}: {error.strerror}\n".encode("utf-8", "surrogateescape"))
        posix._exit(127)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        # Interrupted before the program began: end as it would have.
        signal(SIGINT, SIG_DFL)
        posix.kill(posix.getpid(), SIGINT)
