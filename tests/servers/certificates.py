"""An authority of the tests, and the certificates that it gives to servers and clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization as pem


@dataclass(frozen=True)
class Authority:
    """Writes what it issues into `folder`, as PEM files."""

    folder: Path
    _authority: trustme.CA = field(default_factory=lambda: trustme.CA(organization_name="Tests"))

    @property
    def ca_file(self) -> Path:
        """The certificate that clients are to trust."""
        path = self.folder / "ca.pem"
        self._authority.cert_pem.write_to_path(path)
        return path

    def issue(self, name: str, key_password: str = "") -> tuple[Path, Path]:
        """Write a certificate for a host, or a client of the form a@b, and its key (PKCS 8)."""
        issued = self._authority.issue_cert(name)
        cert_file, key_file = (self.folder / f"{name}.{kind}.pem" for kind in ("cert", "key"))
        cert_file.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        lock: pem.KeySerializationEncryption = pem.NoEncryption()
        if key_password:
            lock = pem.BestAvailableEncryption(key_password.encode())
        key = pem.load_pem_private_key(issued.private_key_pem.bytes(), None)
        key_file.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, lock))
        key_file.chmod(0o600)
        return cert_file, key_file
