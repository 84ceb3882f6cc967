"""A real nginx or Caddy with TLS in front of something, configured by the examples in deploy/."""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from howdah.launch import ports
from howdah.testing.launched import until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
CADDY = shutil.which("caddy")
_MAIN = """
daemon off;
{user}
pid {folder}/nginx.pid;
events {{ }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
_GLOBAL = """{
    admin off
    auto_https disable_redirects
}
"""


def make_certificate(folder: Path, *names: str) -> tuple[Path, Path]:
    """A self-made certificate for these names and 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.timezone.utc)
    others = [*map(x509.DNSName, names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(others), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "site.pem", folder / "site.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return paths


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    return text


class Front:
    """nginx with `deploy/<example>` on `host:port`, for the site `name`, passing on to `upstream`.

    `changes` are made to the example besides: each text in it to another one.
    """

    def __init__(
        self,
        folder: Path,
        example: str,
        name: str,
        address: tuple[str, int],
        upstream: str,
        *,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.plain = ports.any_free(address[0])  # where it answers without TLS, if the example does at port 80
        self.certificate, key = make_certificate(folder, name)
        self.log = folder / "printed.txt"
        site = self._adapted((DEPLOY / example).read_text("utf-8"), name, address, key)
        site = _replaced(site, {"127.0.0.1:8080": urlsplit(upstream).netloc, **(changes or {})})
        with self.log.open("wb") as printed:
            environ = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
            command = self._command(site)
            self._process = subprocess.Popen(command, env=environ, stdout=printed, stderr=subprocess.STDOUT)
        until(lambda: self._ended() or not ports.is_free(*address), what=type(self).__name__)

    def _adapted(self, site: str, name: str, address: tuple[str, int], key: Path) -> str:
        """The example, for this name and address and with a certificate that is there."""
        site = site.replace("listen 80;", f"listen {address[0]}:{self.plain};")
        told = {
            "listen 443 ssl": f"listen {address[0]}:{address[1]} ssl",
            "/etc/ssl/certs/": f"{self.certificate}; # ",
            "/etc/ssl/private/": f"{key}; # ",
            "server_name ": f"server_name {name}; # ",
        }
        return _replaced(site, told)

    def _command(self, site: str) -> list[str]:
        """How to run it with this site."""
        assert NGINX is not None
        folder = self._folder
        (folder / "site.conf").write_text(site)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user))
        return [NGINX, "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]

    def _ended(self) -> bool:
        assert self._process.poll() is None, f"it does not start: {self.log.read_text('utf-8', 'replace')}"
        return False

    def __enter__(self) -> Front:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(30)


class Caddy(Front):
    """Caddy likewise; what gets certificates from elsewhere and what is of the machine's own Caddy is left out."""

    def _adapted(self, site: str, name: str, address: tuple[str, int], key: Path) -> str:
        head = f"https://{name}:{address[1]} {{\n\tbind {address[0]}\n\ttls {self.certificate} {key}"
        return re.sub(r"^\S+ \{$", head, site, count=1, flags=re.MULTILINE)

    def _command(self, site: str) -> list[str]:
        assert CADDY is not None
        (self._folder / "Caddyfile").write_text(_GLOBAL + site)
        return [CADDY, "run", "--config", f"{self._folder}/Caddyfile", "--adapter", "caddyfile"]
