"""What single file formats need that Pillow and libav do not do, or do not do right."""
