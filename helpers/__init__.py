"""Load data, measure, draw and check: everything around the CNN, never the CNN itself."""

import os
import tempfile
from pathlib import Path


def _is_startup_noise(line):
    """TensorFlow's greetings on a machine without a GPU; no line that reports a fault."""
    return (
        line.startswith("I0000")
        or "before absl::InitializeLog()" in line
        or line.startswith("To enable the following instructions")
        or ("failed call to cuInit" in line and not Path("/dev/nvidia0").exists())
    )


def _start_tensorflow():
    """Import TensorFlow and wake its devices; drop the noise, pass on every other line."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_physical_devices()
            # TensorFlow 2.21's remapper fails on LeakyReLU after a convolution and says so at
            # every fit; on the CPU, leaving that pass out costs nothing measurable
            tf.config.optimizer.set_experimental_options({"remapping": False})
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            log.seek(0)
            for line in log.read().decode(errors="replace").splitlines(keepends=True):
                if not _is_startup_noise(line):
                    os.write(2, line.encode())


_start_tensorflow()
