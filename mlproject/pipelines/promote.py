"""Promotion by hand."""

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from mlproject.core.aliases import CHALLENGER
from mlproject.core.decisions import FOREVER
from mlproject.core.errors import ArtifactError, DecisionError, VersionNotFoundError
from mlproject.core.model import TrainedModel
from mlproject.core.ports import Production
from mlproject.core.runs import VersionInfo
from mlproject.models.files import load_model
from mlproject.pipelines.decide import put_into_production, settle

Findings = Callable[[TrainedModel], tuple[str, ...]]
"""Says what is wrong with a model: a sentence for each thing found."""


def chosen(
    registry: Production,
    *,
    version: int | None = None,
    run_id: str | None = None,
    challenger: bool = False,
) -> VersionInfo:
    """Return the version that a person means: the named one, a run's, or else the newest.

    Parameters
    ----------
    registry
        Where the versions are.
    version
        The version's number.
    run_id
        A run whose model becomes a version first, unless it is one.
    challenger
        Whether the challenger is meant.

    Raises
    ------
    VersionNotFoundError
        If there is no such version, or none at all.
    """
    if version is not None:
        return registry.version(version)
    if run_id is not None:
        known = registry.versions_of([run_id])
        return known[0] if known else registry.register(run_id)
    if challenger:
        found = registry.aliased(CHALLENGER)
        if found is None:
            raise VersionNotFoundError("no version is the challenger; see `tvrec versions`")
        return found
    versions = registry.versions(1)
    if not versions:
        raise VersionNotFoundError(
            "there is no version to promote yet; `tvrec train` makes one, "
            "and `tvrec promote --run ID` takes the model of a run that was not promoted"
        )
    return versions[0]


def promote(  # noqa: PLR0913 - what a person may say
    registry: Production,
    version: VersionInfo,
    findings: Findings,
    *,
    by: str,
    reason: str,
    held_until: datetime = FOREVER,
    force: bool = False,
) -> VersionInfo:
    """Put a version into production that a person has chosen, and hold it there.

    It is loaded and checked first, as the service would.

    Parameters
    ----------
    registry
        Where versions are.
    version
        From :func:`chosen`.
    findings
        What is wrong with a model.
    by, reason
        Who promotes, and why, for the record.
    held_until
        Until when the builder may not replace it.
    force
        Whether what was found is put up with. What cannot be loaded cannot be served either.

    Raises
    ------
    ArtifactError
        If it cannot be loaded.
    DecisionError
        If something is wrong with it.
    """
    settle(registry)
    # Anew: a copy that was kept here says nothing of what the service would get.
    with tempfile.TemporaryDirectory(prefix="tvrec-") as folder:
        try:
            model = load_model(registry.download(version.number, Path(folder)))
        except ArtifactError as error:
            raise ArtifactError(
                f"version {version.number} cannot be loaded, so it is not promoted: {error}"
            ) from error
        found = () if force else findings(model)
    if found:
        raise DecisionError(
            f"version {version.number} is not promoted: {'; '.join(found)} (--force --reason WHY "
            "promotes it all the same)"
        )
    promoted = put_into_production(
        registry, version.number, by=by, reason=reason, held_until=held_until
    )
    return promoted or registry.version(version.number)
