"""What the engine needs from the outside: the promise of each method."""
