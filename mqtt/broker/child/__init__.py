"""The embedded broker's own process: amqtt 0.12.1 inside a subclass that makes it fit for access control.

Stock amqtt sends retained messages past the topic rights, never enforces keepalive, and lets a stranger with a wrong
password silence any client. What is changed, and why it is private methods of a pinned version: docs/adr/0005.
"""
