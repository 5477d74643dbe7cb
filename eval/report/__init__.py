"""Reports: HTML, Markdown, plots, crops."""
