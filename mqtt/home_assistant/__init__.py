"""Doors in Home Assistant: MQTT discovery, states, events, and the locks it may open (docs/home-assistant.md)."""
