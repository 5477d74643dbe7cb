"""Model files: read, checked, chosen. The shipped ones lie here."""
