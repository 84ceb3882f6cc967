"""One connection to a store: address, channel, credentials, and the one place where failed calls become errors."""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, TypeVar, final
from urllib.parse import urlsplit

import grpc
from google.protobuf.empty_pb2 import Empty

from howdah.errors import HowdahError, Invalid, Unavailable, WrongState
from howdah.settings import DEFAULT_STORE_PORT
from howdah.wire import status
from howdah.wire.gen import (
    admin_pb2_grpc,
    bulk_pb2,
    bulk_pb2_grpc,
    metadata_pb2_grpc,
    pfs_pb2_grpc,
    pps_pb2_grpc,
    transaction_pb2_grpc,
    upkeep_pb2_grpc,
    version_pb2_grpc,
    work_pb2_grpc,
)

MESSAGE_LIMIT = 20 * 1024 * 1024

_PLAIN = ("grpc", "http")
_SECURE = ("grpcs", "https")
# Connecting is given up after the first of these, and tried again at most this much later.
_CONNECT_MS = 5000
_RETRY_MS = 1000
_KEEPALIVE_MS = 20_000
_FAR = 4 << 20
_KEEPALIVE_WAIT_MS = 10_000
_TRANSACTION = "pach-transaction"

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


_Answer_co = TypeVar("_Answer_co", covariant=True)


class Exchange(Protocol[_Answer_co]):
    """A call whose answers come while requests are sent."""

    def __iter__(self) -> Iterator[_Answer_co]: ...
    def __next__(self) -> _Answer_co: ...
    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Have `callback` called at the end; False if that has come."""

    def cancel(self) -> bool:
        """Give it up."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store listens."""

    host: str
    port: int = DEFAULT_STORE_PORT
    secure: bool = False

    def __str__(self) -> str:
        return f"{'grpcs' if self.secure else 'grpc'}://{self.target}"

    @property
    def target(self) -> str:
        """`host:port`, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether the host is this machine by its name or number."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_address(text: str) -> Address:
    """The address that `[grpc|http|grpcs|https://]host[:port]` names; raises `Invalid` for anything else."""
    try:
        parts = urlsplit(text if "://" in text else f"grpc://{text}")
        port = DEFAULT_STORE_PORT if parts.port is None else parts.port
    except ValueError as error:
        raise Invalid(f"address ({text}) invalid: {error}", kind="bad-address") from error
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    # A blank is the sign of something else put into the field; the transport would call it a misformatted domain name.
    spaced = any(character.isspace() for character in parts.netloc)
    if parts.scheme not in _PLAIN + _SECURE or not parts.hostname or extra or spaced:
        raise Invalid(f"address ({text}) invalid: expected grpc://HOST:PORT or grpcs://HOST:PORT", kind="bad-address")
    return Address(parts.hostname, port, parts.scheme in _SECURE)


@final
class Connection:
    """A store and how to call it. Safe to use from several threads; make it in the process that uses it.

    Nothing is sent before the first verb. A store that does not answer raises `Unavailable` within seconds; a later
    verb tries to connect anew.
    """

    def __init__(
        self,
        address: Address,
        channel: grpc.Channel,
        *,
        token: str | None,
        timeout: float,
        transaction: str | None = None,
    ) -> None:
        self.address = address
        self.pfs = pfs_pb2_grpc.APIStub(channel)
        self.bulk = bulk_pb2_grpc.APIStub(channel)
        self.bulk_modify: grpc.StreamStreamMultiCallable[bulk_pb2.Batch | bytes, bulk_pb2.Answer] = (
            channel.stream_stream(
                "/howdah.bulk.API/Modify",
                request_serializer=lambda batch: batch if isinstance(batch, bytes) else batch.SerializeToString(),
                response_deserializer=bulk_pb2.Answer.FromString,
            )
        )
        """As `bulk.Modify`; takes messages that are written already, too."""
        self.pps = pps_pb2_grpc.APIStub(channel)
        self.transaction = transaction_pb2_grpc.APIStub(channel)
        self.metadata = metadata_pb2_grpc.APIStub(channel)
        self.admin = admin_pb2_grpc.APIStub(channel)
        self.version = version_pb2_grpc.APIStub(channel)
        self.upkeep = upkeep_pb2_grpc.APIStub(channel)
        self.work = work_pb2_grpc.APIStub(channel)
        self._channel = channel
        self._timeout = timeout
        told = (("authn-token", token), (_TRANSACTION, transaction))
        self._metadata = tuple((key, value) for key, value in told if value)
        self._closed = False
        self._offers_bulk: bool | None = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what is under way and let the channel go; harmless when repeated."""
        self._closed = True
        self._channel.close()

    def offers_bulk(self) -> bool:
        """Whether the store offers `bulk`, as Howdah's own do; it is asked once."""
        if self._offers_bulk is None:
            try:
                self.call(self.bulk.Ask, Empty())
                self._offers_bulk = True
            except Unavailable:
                raise
            except HowdahError:  # the code is UNIMPLEMENTED, but for what a proxy makes of it
                self._offers_bulk = False
        return self._offers_bulk

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        *,
        patient: bool = False,
    ) -> _Response:
        """The answer to one request; `patient` calls have no deadline, for answers that may take their time."""
        self._check_open()
        try:
            return method(request, timeout=None if patient else self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self.error(error) from error

    def stream(
        self, method: grpc.UnaryStreamMultiCallable[_Request, _Response], request: _Request
    ) -> Generator[_Response, None, None]:
        """The answers to one request as they come; closing the iterator cancels the call."""
        self._check_open()
        answers = method(request, metadata=self._metadata)
        try:
            yield from answers
        except grpc.RpcError as error:
            raise self.error(error) from error
        finally:
            answers.cancel()

    def begin(
        self, method: grpc.UnaryUnaryMultiCallable[_Request, _Response], request: _Request
    ) -> grpc.Future[_Response]:
        """A patient call under way; what its result raises is told by `error`."""
        self._check_open()
        return method.future(request, metadata=self._metadata)

    def within(self, transaction: str) -> Connection:
        """The same connection with its requests in a transaction; closing this one closes both."""
        other = copy.copy(self)
        others = (each for each in self._metadata if each[0] != _TRANSACTION)
        other._metadata = (*others, (_TRANSACTION, transaction))
        return other

    def reconnect(self) -> None:
        """Wait until the store can be reached again, as long as for an answer; raises `Unavailable`."""
        self._check_open()
        try:
            grpc.channel_ready_future(self._channel).result(timeout=self._timeout)
        except grpc.FutureTimeoutError as error:
            raise Unavailable(status.unreachable(str(self.address), "gone while it answered")) from error

    def upload(
        self, method: grpc.StreamUnaryMultiCallable[_Request, _Response], requests: Iterator[_Request]
    ) -> grpc.Future[_Response]:
        """A call under way that takes its requests from `requests` in a thread of the channel's."""
        self._check_open()
        return method.future(requests, metadata=self._metadata)

    def exchange(
        self, method: grpc.StreamStreamMultiCallable[_Request, _Response], requests: Iterator[_Request]
    ) -> Exchange[_Response]:
        """As `upload`, of a call that answers meanwhile."""
        self._check_open()
        return method(requests, metadata=self._metadata)

    def error(self, error: grpc.RpcError) -> HowdahError:
        """The error that a failed call means."""
        return status.from_rpc(error, str(self.address))

    def _check_open(self) -> None:
        if self._closed:
            raise WrongState(f"connection to {self.address} is closed: connect again", kind="closed")


def _options(place: Address, *, read_ahead: bool) -> list[tuple[str, int]]:
    options: list[tuple[str, int]] = [
        ("grpc.max_send_message_length", MESSAGE_LIMIT),
        ("grpc.max_receive_message_length", MESSAGE_LIMIT),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_WAIT_MS),
        ("grpc.min_reconnect_backoff_ms", _CONNECT_MS),
        ("grpc.initial_reconnect_backoff_ms", _RETRY_MS),
        ("grpc.max_reconnect_backoff_ms", _RETRY_MS),
        # Channels to one address would share a socket, and one's failure back-off would delay the other.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if place.local:
        options.append(("grpc.enable_http_proxy", 0))
    if not read_ahead:
        options.append(("grpc.http2.bdp_probe", 0))
        if not place.local:  # what is on its way must be allowed for
            options.append(("grpc.http2.lookahead_bytes", _FAR))
    return options


def connect(
    address: str,
    *,
    token: str | None = None,
    timeout: float = 20.0,
    root_certificates: bytes | None = None,
    transaction: str | None = None,
    read_ahead: bool = True,
) -> Connection:
    """A connection to the store at `address`, without any call yet.

    `timeout` is the deadline in seconds of calls that answer at once; streams and waits have none, but end when the
    store stops answering pings. `root_certificates` (PEM) are for grpcs; the machine's own are used where None.
    Requests that a transaction may hold wait with `transaction` where it is told. Without `read_ahead`, little is
    received before it is asked for: for a process that passes much on to many who may take it slowly.
    """
    place = parse_address(address)
    if token and not (token.isascii() and token.isprintable()):
        raise Invalid("token invalid: only printable ASCII characters are allowed; sign in anew", kind="bad-token")
    options = _options(place, read_ahead=read_ahead)
    if place.secure:
        credentials = grpc.ssl_channel_credentials(root_certificates)
        channel = grpc.secure_channel(place.target, credentials, options)
    else:
        channel = grpc.insecure_channel(place.target, options)
    return Connection(place, channel, token=token, timeout=timeout, transaction=transaction)
