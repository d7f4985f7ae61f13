"""Load data, measure, draw and check: everything around the CNN, which the lessons build themselves.

Only `clinic`, where the fault has to stay hidden, and `checkup`, which takes a reader's own, build networks.
"""

import contextlib
import os
import subprocess
import sys
import time


def _is_startup_noise(line):
    """TensorFlow's greetings on a machine without a GPU; no line that reports a fault."""
    return (
        line.startswith("I0000")
        or "before absl::InitializeLog()" in line
        or line.startswith("To enable the following instructions")
        or ("failed call to cuInit" in line and not os.path.exists("/dev/nvidia0"))
    )


def _pass_on(lines):
    """Write every line that is not noise to stderr, the last one too if nothing ends it."""
    for line in lines:
        rest = b"" if _is_startup_noise(line.decode(errors="replace")) else memoryview(line)
        while rest:
            try:
                rest = rest[os.write(2, rest) :]
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:  # nobody reads stderr any more; TensorFlow must not wait for that
                break


def _start_filter():
    """A process that passes on what it is sent, and outlives this one; None where none can run."""
    if not sys.executable:
        return None
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=2,
            start_new_session=True,  # Ctrl-C is for this process alone
        )
    except OSError:
        return None
    with process.stdout:
        if process.stdout.read(1):
            return process
    process.stdin.close()
    process.wait()
    return None


def _start_tensorflow():
    """Import TensorFlow and wake its devices; what it writes to fd 2 meanwhile is filtered.

    By a process of its own, since nothing else can pass on what TensorFlow writes before it
    aborts. Where that cannot run, nothing is filtered.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # closed: there is nothing to keep clean
        stderr = process = None
    else:
        process = _start_filter()
    if process:
        os.dup2(process.stdin.fileno(), 2)
        process.stdin.close()
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
    finally:
        if process:
            os.dup2(stderr, 2)
            # everything is out when the filter ends; it stays if a child process still writes to it
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=3)
        if stderr is not None:
            os.close(stderr)


if __name__ == "__main__":  # the filter
    os.write(1, b"\n")
    _pass_on(sys.stdin.buffer)
else:
    _start_tensorflow()
