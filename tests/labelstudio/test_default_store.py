"""Storages without an address of their own: the default store's token and certificates serve them, and only them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest
from django.test import override_settings

from howdah.client import cluster
from howdah.labelstudio.models import PachydermImportStorage
from tests.client.test_channel import Recording, certificate


@pytest.fixture
def secure() -> Iterator[tuple[Recording, str, str]]:
    """A store behind TLS: what it was asked, its address, and the certificates that vouch for it."""
    handler, (key, vouching) = Recording(), certificate()
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, vouching)]))
    server.start()
    yield handler, f"grpcs://127.0.0.1:{port}", base64.b64encode(vouching).decode()
    server.stop(None).wait()


def test_default_store_is_entered_with_its_token_and_certificates(secure: tuple[Recording, str, str]) -> None:
    asked, address, cas = secure
    with override_settings(HOWDAH_ADDRESS=address, HOWDAH_TOKEN="secret", HOWDAH_SERVER_CAS=cas):
        assert cluster.version(PachydermImportStorage(pach_repo="images").connect()).major == 2
        own = PachydermImportStorage(pach_repo="images", pach_authn_token="its own")
        assert cluster.version(own.connect()).major == 2
    assert [call["authn-token"] for call in asked.metadata] == ["secret", "its own"]


def test_token_of_the_default_store_goes_nowhere_else(secure: tuple[Recording, str, str]) -> None:
    asked, _, _ = secure
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[asked])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with override_settings(HOWDAH_TOKEN="secret"):
        elsewhere = PachydermImportStorage(pach_repo="images", pachd_address=f"grpc://127.0.0.1:{port}")
        cluster.version(elsewhere.connect())
    server.stop(None).wait()
    assert "authn-token" not in asked.metadata[0]
