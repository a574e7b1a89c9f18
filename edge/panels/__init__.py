"""What devices should know and hold: told to them, confirmed by them, never forgotten."""
