"""Empty until its group is written."""
