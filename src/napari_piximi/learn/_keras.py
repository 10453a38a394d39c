"""Keras, imported without the lines that TensorFlow writes to the terminal as it starts.

Its log level does not hold them back: they come before it is read. A user who asks for
TensorFlow's log, by a level below 3, gets all of it.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from napari_piximi.learn.device_choice import chosen, hide_gpus

__all__ = ["keras"]

STDERR = 2


@contextmanager
def _without_noise() -> Iterator[None]:
    """Hold back what is written to the error stream, also from C++, unless something fails."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3") != "3":
        yield
        return
    try:
        terminal = os.dup(STDERR)
    except OSError:  # there is no such stream, as in a windowed program
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STDERR)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, STDERR)
            os.close(terminal)


hide_gpus()
with _without_noise():
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")  # looks for drivers, and says so if it finds none
        if chosen() == "cpu":
            tf.config.set_visible_devices([], "GPU")  # those of Apple do not hide otherwise
    elif keras.backend.backend() == "jax":
        from napari_piximi.learn._jax import keep_compiled

        keep_compiled()
