"""The DMN Technology Compatibility Kit: reading its test files and judging results by its own rules."""
