"""Promotion by hand."""

from mlproject.core.errors import VersionNotFoundError
from mlproject.core.ports import VersionRegistry
from mlproject.core.runs import VersionInfo


def promote(
    registry: VersionRegistry,
    *,
    version: int | None = None,
    run_id: str | None = None,
    by: str,
    reason: str,
) -> VersionInfo:
    """Put a version into production: the named one, a run's, or else the newest.

    Parameters
    ----------
    registry
        Where the versions are.
    version
        The version's number.
    run_id
        A run whose model becomes a version first, unless it is one.
    by, reason
        Who promotes, and why, for the record.

    Raises
    ------
    VersionNotFoundError
        If there is no such version, or none at all.
    """
    if version is None:
        versions = registry.versions()
        if run_id is not None:
            known = [info for info in versions if info.run_id == run_id]
            version = (known[0] if known else registry.register(run_id)).number
        elif versions:
            version = versions[0].number
        else:
            raise VersionNotFoundError(
                "there is no version to promote yet; `tvrec train` makes one, "
                "and `tvrec promote --run ID` takes the model of a run that was not promoted"
            )
    return registry.promote(version, by=by, reason=reason)
