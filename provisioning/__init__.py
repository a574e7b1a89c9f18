"""Provisioning of devices: what a device should be told (`desired`), and how each vendor's devices read it (`drivers`).

Pure: nothing here connects to anything. `edge.fleet` fetches and serves.
"""
