"""Pictures that nobody photographed: pages, artwork and icons, drawn here, and how our files of them fare."""
