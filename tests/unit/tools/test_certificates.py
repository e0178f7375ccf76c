"""Applications that speak to databases in RDS trust the same authorities."""

from __future__ import annotations

from tests.support.paths import ROOT


def test_every_application_carries_the_same_authorities_of_rds() -> None:
    bundles = list(ROOT.glob("app/*/certificates/rds.pem"))
    assert len(bundles) > 1
    assert len({bundle.read_bytes() for bundle in bundles}) == 1
