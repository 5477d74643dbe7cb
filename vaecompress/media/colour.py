"""How a video's numbers stand for colours, as ITU-T H.273 numbers them, and how they become RGB."""

from dataclasses import dataclass

UNSPECIFIED = 2
IDENTITY = 0
BT709 = 1
BT601 = 6

HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""Transfer characteristics that no ICC profile of matrix and curve can say."""

# H.273 matrix coefficients that are converted, with the number libswscale has for each.
_CONVERTED_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}


@dataclass(frozen=True)
class Colour:
    """H.273 code points (primaries, transfer characteristics, matrix coefficients) and the full-range flag."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    full_range: bool = False

    @property
    def is_converted(self) -> bool:
        """Whether the matrix is one that is converted to and from RGB here."""
        return self.matrix in _CONVERTED_MATRICES

    @property
    def is_hdr(self) -> bool:
        """Whether the numbers stand for more light than a usual screen gives: PQ or HLG."""
        return self.transfer in HDR_TRANSFERS

    @property
    def transfer_name(self) -> str:
        """What to call the transfer characteristics in messages."""
        return HDR_TRANSFERS.get(self.transfer, f"H.273 transfer {self.transfer}")

    @property
    def swscale_matrix(self) -> int:
        """libswscale's number of the matrix."""
        return _CONVERTED_MATRICES[self.matrix]

    @property
    def swscale_range(self) -> int:
        """libswscale's number of the range: 1 limited, 2 full."""
        return 2 if self.full_range else 1

    def as_yuv(self, height: int) -> "Colour":
        """Return this colour with a matrix to convert RGB with: its own, or the usual one of the height."""
        if self.is_converted:
            return self
        return Colour(self.primaries, self.transfer, usual_matrix(height), False)


def usual_matrix(height: int) -> int:
    """Return the matrix that players assume where none is declared: BT.601 up to 576 lines, BT.709 above."""
    return BT601 if height <= 576 else BT709
