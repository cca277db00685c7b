"""Over TLS the name stays what was asked for, while the connection goes to the address that was checked."""

import asyncio
import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from taskloom.callbacks.address import Guard, trusted
from taskloom.callbacks.sender import Sender
from taskloom.ports.callbacks import Call
from taskloom.ports.clock import SystemClock

NAME = "hooks.example"


class Authority:
    """Signs certificates; `context` trusts it and nobody else."""

    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "our own authority")])
        own = self._certificate(
            self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=0)
        )
        pem = own.public_bytes(serialization.Encoding.PEM)
        self.context = ssl.create_default_context(cadata=pem.decode())

    def _certificate(self, subject, public_key, extension):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return builder.sign(self._key, hashes.SHA256())

    def server(self, name):
        """The context of a server that shows a certificate for this name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._certificate(
            subject, key.public_key(), x509.SubjectAlternativeName([x509.DNSName(name)])
        )
        pem = serialization.Encoding.PEM
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            certificate.public_bytes(pem)
            + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context


class Receiver:
    """Keeps the names that were asked for in the handshakes and in the heads."""

    def __init__(self, context):
        self._context = context
        self.asked = []
        self.hosts = []
        context.sni_callback = lambda _connection, name, _context: self.asked.append(name)

    async def open(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        self.hosts.append(head.split("host: ")[1].split("\r\n")[0])
        writer.write(b"HTTP/1.1 204 X\r\n\r\n")
        writer.close()

    def close(self):
        self._server.close()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


async def called(receiver, tls):
    """One call to the name, which leads to the receiver."""

    async def lookup(host, port):
        assert host == NAME
        return ["127.0.0.1"]

    async def secrets(tenant):
        return (b"n" * 32,)

    sender = Sender(Guard([trusted("127.0.0.0/8")]), secrets, SystemClock(), lookup, tls)
    url = f"https://{NAME}:{receiver.port}/hook"
    try:
        return await sender.deliver(Call(key=7, tenant="t", url=url, attempt=1, headers={}, body=b"{}"))
    finally:
        await sender.close()


async def test_the_handshake_and_the_head_name_the_host(authority):
    receiver = await Receiver(authority.server(NAME)).open()

    delivery = await called(receiver, authority.context)
    receiver.close()

    assert delivery.delivered, delivery.reason
    assert receiver.asked == [NAME]
    assert receiver.hosts == [f"{NAME}:{receiver.port}"]


async def test_a_certificate_for_another_name_is_refused(authority):
    receiver = await Receiver(authority.server("other.example")).open()

    delivery = await called(receiver, authority.context)
    receiver.close()

    assert not delivery.delivered
    assert receiver.hosts == []


async def test_an_authority_nobody_trusts_is_refused(authority):
    receiver = await Receiver(authority.server(NAME)).open()

    delivery = await called(receiver, None)
    receiver.close()

    assert not delivery.delivered
    assert receiver.hosts == []
