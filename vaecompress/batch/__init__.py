"""Many files from and to folders or object stores.

:func:`encode_file` and :func:`decode_file` do one :class:`Task` and hold no engine, so that Ray or a queue of yours can
map them. :mod:`vaecompress.batch.run` does whole folders on Dask.
"""

from vaecompress.batch.task import Record, Settings, Task
from vaecompress.batch.work import decode_file, encode_file

__all__ = ["Record", "Settings", "Task", "decode_file", "encode_file"]
