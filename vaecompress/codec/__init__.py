"""Where media, bitstream and entropy meet at run time: model file, runtime, image and video codec. No Flax."""
