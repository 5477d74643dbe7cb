"""The command line: parser, dispatch, exit codes, one file a verb."""
