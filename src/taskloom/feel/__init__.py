"""FEEL, the expression language, pure and useful on its own."""
