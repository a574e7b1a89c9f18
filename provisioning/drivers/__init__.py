"""One module a vendor. docs/devices.md says on which facts each stands."""
