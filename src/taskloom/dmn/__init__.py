"""DMN: decision tables and decision graphs on FEEL, pure and useful on its own."""
