"""A server on this machine that speaks S3: `python -m tests.server.buckets` prints its URL and serves until killed.

Google's clients speak the same, but for how they say who they are; that is said for them here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=who/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=never-looked-at"
)


def main() -> None:
    """Serve."""
    moto = DomainDispatcherApplication(create_backend_app)

    def signed(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_AUTHORIZATION", "").startswith("Bearer "):
            environ["HTTP_AUTHORIZATION"] = _SIGNATURE
        answer: Iterable[bytes] = moto(environ, start)
        return answer

    server = make_server("127.0.0.1", 0, signed, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
