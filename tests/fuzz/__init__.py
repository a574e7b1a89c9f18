"""Hostile bytes for every parser: what each must keep to (`targets`), and a run with atheris (`run`)."""
