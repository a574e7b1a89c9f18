"""Simulated door phones that speak their vendors' HTTP, written from the facts in docs/devices.md.

They know nothing of the edge but what a device is told. Tests and the pages of the documentation drive them.
"""
