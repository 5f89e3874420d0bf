"""nginx on 127.0.0.1 over HTTP and HTTPS, with a certificate that only the tools under test believe."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONFIG = """daemon off;
{user}
worker_processes 2;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 60;
    keepalive_requests 1000000;
    open_file_cache max=8000;
    types {{ image/jpeg jpg; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{https} ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        root {root};
    }}
}}
"""

AUTHORITY = """[req]
distinguished_name = name
x509_extensions = authority
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
subjectAltName = IP:127.0.0.1
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True)
class Server:
    """Where the files are, and the environment in which a tool believes the certificate: by the CA folder alone."""

    http: str
    https: str
    environment: Mapping[str, str]


@contextmanager
def serve(root: Path, folder: Path) -> Iterator[Server]:
    """Serve the files below ``root`` while the block runs; configuration and keys lie in ``folder``."""
    nginx = program("nginx", "nginx (Debian, Ubuntu: apt-get install nginx-light)")
    certificates = certify(folder)
    http, https = free_ports(2)
    # nginx would leave root for a user who cannot read this folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(user=user, folder=folder, root=root, http=http, https=https))
    command = [nginx, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)]
    process = subprocess.Popen(command, preexec_fn=end_with_parent)
    try:
        wait_until_open(process, https, folder / "error.log")
        # A missing file keeps the system's own certificates out: the tools differ in how often they read them.
        environment = {"SSL_CERT_DIR": str(certificates), "SSL_CERT_FILE": str(folder / "none.pem")}
        yield Server(f"http://127.0.0.1:{http}", f"https://127.0.0.1:{https}", environment)
    finally:
        process.terminate()
        process.wait()


def program(name: str, what: str) -> str:
    """The path of a program. Ends with what to install where it is missing."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")
    return found or sys.exit(f"this benchmark needs {what}")


def certify(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 in ``folder``. Returns the folder of its CA, as OpenSSL reads it."""
    openssl = program("openssl", "the command openssl")
    (folder / "openssl.cnf").write_text(AUTHORITY)
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config openssl.cnf"

    def call(line: str) -> str:
        done = subprocess.run([openssl, *line.split()], cwd=folder, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else sys.exit(f"openssl {line}\n{done.stderr}")

    for line in (
        f"req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=benchmark-CA",
        f"req {key} -keyout server.key -out server.csr -subj /CN=127.0.0.1",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 "
        "-extfile openssl.cnf -extensions server",
    ):
        call(line)
    name = call("x509 -noout -hash -in ca.pem")
    certificates = folder / "certificates"
    certificates.mkdir()
    shutil.copy(folder / "ca.pem", certificates / f"{name}.0")
    return certificates


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def end_with_parent() -> None:
    """Ask the kernel to end nginx even when this program is killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def wait_until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
        if process.poll() is not None:
            break
    sys.exit(f"nginx did not start:\n{log.read_text() if log.exists() else ''}")
