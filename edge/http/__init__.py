"""The daemon's HTTP side: health, metrics and the local API."""
