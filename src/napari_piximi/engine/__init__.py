"""One warm child process in which functions run, away from the process that owns a window.

TensorFlow and a window crash each other in one process, and an import of TensorFlow stalls
whatever shares its interpreter. The child is started with :mod:`subprocess`, not
:mod:`multiprocessing`, which would run the user's main script a second time. Both sides speak
in pickles, one after the other, through the child's standard input and output; when either
side goes, the other one sees the end of the stream.
"""

from napari_piximi.engine.calls import Engine
from napari_piximi.engine.serving import serve

__all__ = ["Engine", "serve"]
