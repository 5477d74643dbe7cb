"""Pictures that networks do not code: tools with decoders that are exact by their own standards."""
