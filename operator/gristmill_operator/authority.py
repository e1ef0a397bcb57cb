"""Certificates: the mounted authority signs a leaf for each pool and one for the operator itself.

``acting`` asks for a pool's credentials when it makes the pool's Secret; ``serving`` answers with the operator's own,
which live in memory only. Keys are never logged, and what was written into a Secret is never read back.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gristmill.errors import StorageError
from gristmill.wire.tls import OPERATOR_NAME, TlsBytes, pool_name

POOL_DAYS = 1825
"""A warm pool keeps its certificate as long as it has pods; it gets a new one each time it starts from none."""
_OWN_DAYS = 365
_SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, repr=False)
class PoolCredentials:
    """What the pods of a pool hold: PEM files and the pool's token; never printed."""

    ca: bytes
    cert: bytes
    key: bytes
    token: str


class Authority:
    """The cluster's certificate authority, as the chart made it."""

    def __init__(self, cert: bytes, key: bytes) -> None:
        self.cert_pem = cert
        self._cert = x509.load_pem_x509_certificate(cert)
        self._key = cast(CertificateIssuerPrivateKeyTypes, serialization.load_pem_private_key(key, password=None))
        self._secret = hmac.digest(key, b"tokens of pools", "sha256")

    @property
    def fingerprint(self) -> str:
        """What tells this authority from others, in 16 digits."""
        return self._cert.fingerprint(hashes.SHA256()).hex()[:16]

    def pool(self, uid: str) -> PoolCredentials:
        """Credentials of the pool: a new certificate with its UID in the name, and a token that is always the same, so
        that pods whose Secret was made again get on with those that hold the one before."""
        leaf = self._leaf(pool_name(uid), POOL_DAYS)
        token = base64.urlsafe_b64encode(hmac.digest(self._secret, uid.encode(), "sha256")).rstrip(b"=").decode()
        return PoolCredentials(leaf.ca, leaf.cert, leaf.key, token)

    def operator(self) -> TlsBytes:
        """A certificate for the operator's own port, good until it starts again."""
        return self._leaf(OPERATOR_NAME, _OWN_DAYS)

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        """As the authority's certificate has it: whoever made it may have hashed the key in another way."""
        try:
            own = self._cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except x509.ExtensionNotFound:
            return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)

    def _leaf(self, name: str, days: int) -> TlsBytes:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
            .issuer_name(self._cert.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(min(now + timedelta(days=days), self._cert.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(self._key_identifier(), critical=False)
        )
        signed = builder.sign(self._key, hashes.SHA256())
        return TlsBytes(
            ca=self.cert_pem,
            cert=signed.public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )


def load_authority(cert: str, key: str) -> Authority:
    """The authority whose files are mounted. Raises StorageError naming the file that cannot be read or is none."""
    remedy = "look at the Secret with the certificate authority that the chart makes"
    try:
        return Authority(Path(cert).read_bytes(), Path(key).read_bytes())
    except OSError as error:
        raise StorageError(str(error.strerror), place=str(error.filename), remedy=remedy) from None
    except ValueError as error:
        raise StorageError(f"not a certificate authority: {error}", place=cert, remedy=remedy) from None
