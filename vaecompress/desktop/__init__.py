"""Files that tell desktops and file(1) about streams; they are installed below `share/`."""
