"""Cameras of other makers beside a door phone: read while somebody looks, shown to apps as the door's own picture."""
