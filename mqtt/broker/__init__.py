"""The broker the daemon starts itself, or the way to somebody else's. Never imported by the device plane."""
