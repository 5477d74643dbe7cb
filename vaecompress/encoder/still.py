"""Still images to streams: pixels, alpha and metadata, at a quality, a size or a PSNR."""

from dataclasses import replace

from vaecompress.bitstream import PicturePayload
from vaecompress.codec.still import ImageCodec
from vaecompress.defaults import DEFAULT_EFFORT
from vaecompress.encoder.effort import EFFORTS, Effort, Progress
from vaecompress.encoder.goal import Goal
from vaecompress.encoder.picture import PictureEncoder
from vaecompress.encoder.quality_search import LearnedTrials, QualitySearch
from vaecompress.encoder.tools.choice import best_of, may_be_exact, other_files
from vaecompress.encoder.tools.file import Encoded, StillFile
from vaecompress.encoder.tools.kind import SMALL_PIXELS, is_drawn
from vaecompress.encoder.tools.usual import poor_note
from vaecompress.errors import GoalError
from vaecompress.media.image import Image
from vaecompress.media.plain import plain
from vaecompress.models.loaded import LoadedModel


class ImageEncoder(ImageCodec):
    """Codes still images with one model, and where that is allowed, with the other tools."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__(model)
        self.pictures: PictureEncoder = PictureEncoder(model)

    def encode(
        self,
        image: Image,
        goal: Goal,
        strip: bool = False,
        effort: Effort = EFFORTS[DEFAULT_EFFORT],
        progress: Progress | None = None,
        other_tools: bool = False,
        exact_alpha: bool = False,
    ) -> Encoded:
        """Encode to a goal; ``strip`` leaves metadata out, as :func:`plain` does. What is returned has been
        decoded and checked.

        ``progress`` is told the steps of an effort that has some. With ``other_tools`` a picture that networks code
        badly, or not to the goal, is coded by whatever costs least. One that comes back far below the usual has a note.
        Colours under alpha 0 give way to those around where something is lost, unless ``exact_alpha``; PSNR does not
        count them. Raises GoalError when a size, rate or PSNR is out of reach.
        """
        if strip:
            image, _ = plain(image)
        file = StillFile(image, exact_alpha)
        drawn = other_tools and is_drawn(file.seen_pixels)
        try:
            found = [self._learned(file, goal, effort, progress)]
        except GoalError:
            found = other_files(file, goal, drawn) if other_tools else []
            if not found:
                raise
        else:
            small = other_tools and file.area <= SMALL_PIXELS
            if drawn or (small and may_be_exact(file, goal, found[0])):
                found += other_files(file, goal, drawn)
        best = best_of(found, goal)
        note = poor_note(best, goal, other_tools, self.model.file.card)
        return best if note is None else replace(best, notes=(note,))

    def _learned(self, file: StillFile, goal: Goal, effort: Effort, progress: Progress | None) -> Encoded:
        model_id = self.model.model_id

        def size_of(quality: int, payload: PicturePayload) -> int:
            return len(file.of(quality, payload, model_id))

        trials = LearnedTrials(self.pictures, file.seen_pixels, at_once=goal.max_bytes(file.area) is None)
        trial = QualitySearch(trials, goal, file.area, size_of).find(effort, progress)
        return file.encoded(trial.quality, trial.result.payload, model_id, self.model.name, trial.psnr_db)
