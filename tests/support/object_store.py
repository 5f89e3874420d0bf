"""Objects of a bucket."""

from __future__ import annotations


def keys(url: str) -> dict[str, bytes]:
    """Every object below a folder of a bucket, by its name there."""
    import boto3

    name, _, folder = url.removeprefix("s3://").partition("/")
    found = boto3.resource("s3").Bucket(name).objects.filter(Prefix=f"{folder}/" if folder else "")
    return {o.key.removeprefix(f"{folder}/"): o.get()["Body"].read() for o in found}
