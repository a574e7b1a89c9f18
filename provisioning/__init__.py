"""Provisioning of devices. Nothing here yet: logins are entered into devices by hand (`edge device secret`)."""
