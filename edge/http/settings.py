"""What the HTTP server can be told in `edge.toml`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HttpSettings:
    listen: tuple[str, ...] = ("127.0.0.1",)  # addresses; the local API also has a Unix socket in the site folder
    port: int = 8080  # 0 = any free port, printed at start
    public_url: str = ""  # where devices and apps reach this server, http(s)://host:port; "" = its first address
    tls: bool = False  # https:// by the certificate of [tls]; the local API stays on its Unix socket
    enabled: bool = True  # false: neither HTTP nor the local API
