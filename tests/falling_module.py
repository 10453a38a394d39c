"""A module that ends the process that imports it, as TensorFlow does on old processors."""

import os

os.write(2, b"The library was compiled to use instructions that this machine has not\n")
os._exit(134)
