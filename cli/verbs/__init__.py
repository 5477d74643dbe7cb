"""One module a verb; what it needs is imported when it runs."""
