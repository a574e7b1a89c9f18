"""The central store's HTTP, a router for each room of it."""
