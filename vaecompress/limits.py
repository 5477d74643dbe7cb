"""Limits that are checked before anything is allocated."""

from dataclasses import dataclass

from vaecompress.errors import LimitError


@dataclass(frozen=True)
class Limits:
    """Upper bounds on what a source or a stream may ask for. The defaults are safe for untrusted files."""

    max_pixels: int = 268_435_456
    max_side: int = 65_535
    max_frames: int = 100_000
    max_file_bytes: int = 1 << 32
    max_metadata_bytes: int = 16 << 20
    max_sound_bytes: int = 1 << 30

    def check_size(self, width: int, height: int) -> None:
        """Raise :class:`LimitError` when a picture of ``width`` x ``height`` pixels is over a limit."""
        if width > self.max_side or height > self.max_side:
            raise LimitError(f"picture is {width}x{height}: over the limit of {self.max_side} pixels a side")
        if width * height > self.max_pixels:
            raise LimitError(f"picture is {width}x{height}: over the limit of {self.max_pixels} pixels")

    def check_frames(self, frames: int) -> None:
        """Raise :class:`LimitError` when a video of ``frames`` frames is over the limit."""
        if frames > self.max_frames:
            raise LimitError(f"video has {frames} frames: over the limit of {self.max_frames}")

    def check_file(self, size_bytes: int) -> None:
        """Raise :class:`LimitError` when a file of ``size_bytes`` bytes is over the limit."""
        if size_bytes > self.max_file_bytes:
            raise LimitError(f"file has {size_bytes} bytes: over the limit of {self.max_file_bytes}")

    def check_metadata(self, size_bytes: int) -> None:
        """Raise :class:`LimitError` when metadata of ``size_bytes`` bytes is over the limit."""
        if size_bytes > self.max_metadata_bytes:
            raise LimitError(f"metadata has {size_bytes} bytes: over the limit of {self.max_metadata_bytes}")

    def check_sound(self, size_bytes: int) -> None:
        """Raise :class:`LimitError` when sound of ``size_bytes`` bytes is over the limit."""
        if size_bytes > self.max_sound_bytes:
            raise LimitError(f"sound has {size_bytes} bytes: over the limit of {self.max_sound_bytes}")
