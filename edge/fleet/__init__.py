"""The devices as a fleet: looking after them from afar, their firmware."""
