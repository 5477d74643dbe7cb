"""The command ``vaecompress``, one module a verb. What a verb needs is imported when it runs."""
