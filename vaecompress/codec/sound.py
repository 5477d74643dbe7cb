"""The sound of a video's stream, checked as a whole before anything of it is used."""

from collections.abc import Callable

from vaecompress.bitstream import Container, TimeStamps, chunks
from vaecompress.bitstream.presentation import end_of_frame
from vaecompress.bitstream.sound import SoundHead
from vaecompress.errors import CorruptError, InputError
from vaecompress.media.formats.sound import Sound, SoundCut, Track, count_packets, describe_sound


def open_sound(container: Container, on_damage: Callable[[CorruptError], None] | None = None) -> Sound | None:
    """The sound of a video; None where there is none.

    Damaged sound raises CorruptError; where ``on_damage`` is given, that is told the error, and there is none.
    """
    entry = container.find(chunks.SOUND)
    if entry is None:
        return None
    try:
        container.check(entry)
        head, start = SoundHead.read(container.section(entry), entry.length)
        file = container.section(entry, start)
        found = count_packets(file)
        if found != [stream.stamps.count for stream in head.streams]:
            raise CorruptError(f"{chunks.SOUND}: other packets than it says; encode the video again")
    except (CorruptError, InputError) as error:
        damage = CorruptError(f"sound: {error}")
        if on_damage is None:
            raise damage from error
        on_damage(damage)
        return None
    return Sound(file, [Track(one.stamps.time_base, one.stamps, one.last) for one in head.streams])


def sound_of_frames(sound: Sound, container: Container, stamps: TimeStamps, frames: range) -> SoundCut:
    """What is played while ``frames`` of the video are shown."""
    if frames == range(len(stamps.pts)):
        return sound.whole
    end = end_of_frame(container, stamps, frames.stop - 1)
    base = stamps.time_base
    return sound.cut(stamps.pts[frames.start] * base, None if end is None else end * base)


def sound_in_words(container: Container) -> list[str]:
    """Each audio stream in words, such as "aac, 44100 Hz, stereo". Raises CorruptError where it is damaged."""
    entry = container.find(chunks.SOUND)
    if entry is None:
        return []
    try:
        _, start = SoundHead.read(container.section(entry), entry.length)
        return describe_sound(container.section(entry, start))
    except InputError as error:
        raise CorruptError(f"sound: {error}") from error
