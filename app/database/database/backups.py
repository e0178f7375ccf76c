"""Backups in S3: a compressed dump, and beside it a manifest that says what is in it.

The manifest is written last. A dump without one is what an export that was stopped has left; a lifecycle removes it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

CHUNK = 1 << 20
GZIP = 16 + zlib.MAX_WBITS

Manifest = dict[str, Any]


class DamagedError(Exception):
    """A backup is not what its manifest says."""


class Reader:
    """What boto3 uploads: the bytes of an iterator, counted and summed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self._sum = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as many as asked for unless the end comes first."""
        parts, length = [self._rest], len(self._rest)
        while size < 0 or length < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            length += len(chunk)
        whole = b"".join(parts)
        answer, self._rest = (whole, b"") if size < 0 else (whole[:size], whole[size:])
        self._sum.update(answer)
        self.size += len(answer)
        return answer

    @property
    def checksum(self) -> str:
        """SHA-256 of what has been read."""
        return self._sum.hexdigest()


@dataclass(frozen=True)
class Backup:
    """A backup by its key in a bucket."""

    s3: Any
    bucket: str
    key: str
    kms_key: str = ""

    @property
    def dump_key(self) -> str:
        """Where the dump is."""
        return f"{self.key}.sql.gz"

    def upload(self, lines: Iterable[bytes]) -> Manifest:
        """Write the dump, and return what the manifest says of the object."""
        reader = Reader(compressed(lines))
        self.s3.upload_fileobj(reader, self.bucket, self.dump_key, ExtraArgs=self._protection())
        return {"object": self.dump_key, "bytes": reader.size, "sha256": reader.checksum}

    def verify(self) -> Manifest:
        """Read the whole dump and compare it with the manifest."""
        manifest = self.manifest()
        summed, size = hashlib.sha256(), 0
        for chunk in self._chunks():
            summed.update(chunk)
            size += len(chunk)
        if (size, summed.hexdigest()) != (manifest["bytes"], manifest["sha256"]):
            raise DamagedError(
                f"{self.dump_key} is damaged: it has {size} bytes with the SHA-256 {summed.hexdigest()},"
                f" and was written with {manifest['bytes']} bytes and {manifest['sha256']}"
            )
        return manifest

    def statements(self) -> Iterator[bytes]:
        """The dump, uncompressed."""
        return uncompressed(self._chunks())

    def manifest(self) -> Manifest:
        """What was written beside the dump."""
        return self.read_json(f"{self.key}.json")

    def write_manifest(self, manifest: Manifest) -> None:
        """Say that the backup is whole, and what is in it."""
        self.write_json(f"{self.key}.json", manifest)

    def read_json(self, key: str) -> Manifest:
        """A document."""
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            raise DamagedError(f"there is no {key} in {self.bucket}: the backup is not whole, or has expired") from None
        document: Manifest = json.loads(body)
        return document

    def write_json(self, key: str, document: Manifest) -> None:
        """Write a document."""
        body = json.dumps(document, indent=2, sort_keys=True).encode()
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", **self._protection())

    def _protection(self) -> dict[str, str]:
        # S3 compares the sum before it stores anything.
        protection = {"ChecksumAlgorithm": "SHA256"}
        if self.kms_key:
            protection |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}
        return protection

    def _chunks(self) -> Iterator[bytes]:
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=self.dump_key)["Body"]
        except self.s3.exceptions.NoSuchKey:
            raise DamagedError(f"there is no {self.dump_key} in {self.bucket}") from None
        yield from body.iter_chunks(CHUNK)


def compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes as gzip has them."""
    compressor = zlib.compressobj(wbits=GZIP)
    for chunk in chunks:
        if small := compressor.compress(chunk):
            yield small
    yield compressor.flush()


def uncompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes that were compressed."""
    decompressor = zlib.decompressobj(wbits=GZIP)
    for chunk in chunks:
        yield decompressor.decompress(chunk)
    yield decompressor.flush()
    if not decompressor.eof:
        raise DamagedError("the dump ends before its end")
