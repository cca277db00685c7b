"""Wire protocols: each translates, none decides."""
