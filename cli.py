"""Installers commands."""


def main() -> None: ...
