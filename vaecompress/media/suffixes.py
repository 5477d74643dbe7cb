"""Which suffixes stand for pictures and for videos."""

PICTURE_SUFFIXES = frozenset(
    [
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".heic", ".heif", ".hif"),
        *(".tif", ".tiff", ".bmp", ".dib", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"),
    ]
)
VIDEO_SUFFIXES = frozenset(
    [
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".y4m", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
        *(".flv", ".ogv", ".asf", ".wmv", ".3gp", ".mxf", ".ivf", ".nut", ".dv", ".vob", ".h264", ".hevc"),
    ]
)
OTHER_SUFFIXES = frozenset(
    [
        *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".x3f"),
        *(".jxl", ".jp2", ".j2k", ".psd", ".exr", ".hdr", ".svg", ".ico", ".pam", ".pfm", ".qoi", ".rm", ".rmvb"),
    ]
)
"""Suffixes of pictures and videos that are not read: worth a name where they are passed over."""

STREAM_SUFFIXES = frozenset({".bin", ".vae"})
"""Suffixes of streams: what the commands write unless told otherwise, and the codec's own."""

LOSSLESS_PICTURES = frozenset({".png", ".webp", ".tif", ".tiff"})
LOSSLESS_VIDEOS = frozenset({".mp4", ".mkv", ".y4m"})
"""Suffixes that a decoded file may keep: formats that are written without loss, alpha and time stamps included."""
