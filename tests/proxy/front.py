"""A real nginx with TLS in front of something, configured by the examples in deploy/."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from howdah.launch import ports
from howdah.testing.launched import until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROGRAM = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
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


class Front:
    """nginx with `deploy/<example>` on `host:port`, for the site `name`, passing on to `upstream`."""

    def __init__(self, folder: Path, example: str, name: str, address: tuple[str, int], upstream: str) -> None:
        assert PROGRAM is not None
        folder.mkdir(parents=True)
        certificate, key = make_certificate(folder, name)
        self.certificate = certificate
        site = (DEPLOY / example).read_text("utf-8")
        for before, after in {
            "listen 443 ssl": f"listen {address[0]}:{address[1]} ssl",
            "/etc/ssl/certs/": f"{certificate}; # ",
            "/etc/ssl/private/": f"{key}; # ",
            "http://127.0.0.1:8080": upstream,
            "server_name ": f"server_name {name}; # ",
        }.items():
            assert before in site
            site = site.replace(before, after)
        (folder / "site.conf").write_text(site)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user))
        command = [PROGRAM, "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
        with (folder / "printed.txt").open("wb") as printed:
            self._process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT)
        until(lambda: self._ended() or not ports.is_free(*address), what="nginx")

    def _ended(self) -> bool:
        assert self._process.poll() is None, "nginx does not start"
        return False

    def __enter__(self) -> Front:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(30)
