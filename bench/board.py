# SPDX-License-Identifier: MIT
"""The board: numbers that the processes of a benchmark share (board.h).

    board = Board(folder / "board")
    board.FAR_DELAY_NS = 50_000_000     # an order
    board.FAR_ANSWERED                  # what is told
"""

import mmap
import pathlib
import re

HEADER = pathlib.Path(__file__).with_name("board.h").read_text()
FIELDS = re.findall(r"^  X\((\w+)\)", HEADER, re.M)


class Board:
    """A file of 64-bit numbers, each an attribute by its name in board.h. All are
    0 at first."""

    def __init__(self, path):
        path.write_bytes(bytes(8 * len(FIELDS)))
        with path.open("r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        self.__dict__.update(path=path, _numbers=memoryview(memory).cast("Q"))

    def __getattr__(self, name):
        try:
            return self._numbers[FIELDS.index(name)]
        except ValueError:
            raise AttributeError(name) from None

    def __setattr__(self, name, value):
        self._numbers[FIELDS.index(name)] = value
