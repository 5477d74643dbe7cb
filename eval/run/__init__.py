"""Running peers over pictures and clips, and what a whole process costs."""
