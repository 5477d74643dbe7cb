"""ICC profiles made of what files say of their colours in other ways: gamma, chromaticities, H.273 code points.

Profiles are of version 4 (ICC.1:2010): a matrix and one curve, or one curve for grey.
"""

import struct

import numpy as np
import numpy.typing as npt

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green, blue."""
Curve = tuple[float, ...]
"""Parameters of a parametric curve: gamma alone, or gamma, a, b, c, d: (a x + b)^gamma from d on, c x below."""

_D65 = (0.3127, 0.329)
SRGB: Chromaticities = (*_D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
SRGB_CURVE: Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BT2020: Chromaticities = (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046)

# ITU-T H.273, tables 2 and 3. The curves of BT.709 and BT.601 are meant to be shown as sRGB's is.
_PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB,
    4: (0.31, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: _BT2020,
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (*_D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
_CURVES: dict[int, Curve] = {**dict.fromkeys((1, 6, 13, 14, 15), SRGB_CURVE), 4: (2.2,), 5: (2.8,), 8: (1.0,)}
_UNSPECIFIED = 2

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def profile_of_code_points(primaries: int, transfer: int) -> bytes | None:
    """Return the profile of H.273 code points; None where they are sRGB's, unspecified, or have no such profile."""
    chromaticities = SRGB if primaries == _UNSPECIFIED else _PRIMARIES.get(primaries)
    curve = SRGB_CURVE if transfer == _UNSPECIFIED else _CURVES.get(transfer)
    if chromaticities is None or curve is None:
        return None
    return profile_of(chromaticities, curve)


def profile_of(chromaticities: Chromaticities, curve: Curve, grey: bool = False) -> bytes | None:
    """Return a profile, or None where the colours are those of sRGB, give or take what nobody sees.

    Raises ValueError (chromaticities that span no colours).
    """
    same_curve = curve == SRGB_CURVE or (len(curve) == 1 and abs(curve[0] - 2.2) < 0.02)
    if same_curve and (grey or np.allclose(chromaticities, SRGB, atol=0.002)):
        return None
    adaptation, colorants = _adapted(chromaticities)
    parameters = _parametric(curve)
    tags = {"desc": _text("made from the file's colour tags"), "cprt": _text("no copyright"), "wtpt": _xyz(_D50)}
    if grey:
        tags["kTRC"] = parameters
    else:
        numbers = [_fixed(value) for value in adaptation.ravel()]
        tags["chad"] = b"sf32" + bytes(4) + b"".join(numbers)
        for name, colorant in zip("rgb", colorants.T, strict=True):
            tags[f"{name}XYZ"], tags[f"{name}TRC"] = _xyz(colorant), parameters
    return _assemble(tags, b"GRAY" if grey else b"RGB ")


def _adapted(chromaticities: Chromaticities) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the Bradford matrix that takes white to D50, and the primaries as columns in D50."""
    x, y = np.array(chromaticities[0::2]), np.array(chromaticities[1::2])
    if (y <= 0).any() or (x < 0).any():
        raise ValueError("chromaticities that are no colours")
    points = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    white, primaries = points[:, 0], points[:, 1:]
    try:
        colorants = primaries * np.linalg.solve(primaries, white)
    except np.linalg.LinAlgError as error:
        raise ValueError("chromaticities that span no colours") from error
    ratio = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(ratio) @ _BRADFORD
    if np.abs(colorants).max() > 100 or not np.isfinite(adaptation).all():
        raise ValueError("chromaticities that span no colours")
    return adaptation, adaptation @ colorants


def _assemble(tags: dict[str, bytes], space: bytes) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    placed: dict[bytes, int] = {}
    for name, data in tags.items():
        if data not in placed:
            placed[data] = at + len(body)
            body += data + bytes(-len(data) % 4)
        directory += struct.pack(">4sII", name.encode(), placed[data], len(data))
    head = struct.pack(">II4s4s4s", at + len(body), 0x04300000, b"mntr", space, b"XYZ ")
    head = head[:4] + bytes(4) + head[4:] + struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    illuminant = b"".join(map(_fixed, _D50))
    return (head + illuminant).ljust(128, b"\0") + directory + body


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(float(value) * 65536))


def _xyz(values: npt.NDArray[np.float64] | tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(value) for value in values)


def _parametric(curve: Curve) -> bytes:
    return struct.pack(">4sIHH", b"para", 0, 0 if len(curve) == 1 else 3, 0) + b"".join(map(_fixed, curve))


def _text(words: str) -> bytes:
    return struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", 2 * len(words), 28) + words.encode("utf-16-be")
