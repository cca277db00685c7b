"""The element types that can be deployed: one file each, and one line in the register."""
