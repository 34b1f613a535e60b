"""Every error this project raises on purpose.

::

    TvrecError
    ├── ConfigError              a setting is missing, malformed or unknown
    ├── DataError                what was read is not what it should be
    │   ├── RatingsFileError
    │   ├── CatalogueError
    │   ├── BatchError
    │   └── NotEnoughDataError
    ├── ModelError
    │   ├── ArtifactError        a model's files are incomplete or altered
    │   ├── TrainingError
    │   ├── VersionNotFoundError
    │   └── DecisionError         what was decided about a version cannot be done
    ├── UnavailableError         a server or store does not answer; try again
    │   ├── StoreUnavailableError
    │   ├── TrackingUnavailableError
    │   ├── ConnectorFailedError
    │   └── SparkFailedError
    ├── AlreadyRunningError      another process holds the state folder
    └── RequestError             what a client asked for cannot be answered

Vendor errors (mlflow, botocore, pyarrow, ...) are turned into one of these at the
adapter and chained; exit codes and HTTP statuses are tables at the edges
(:mod:`mlproject.cli`, :mod:`mlproject.serving.application`), not attributes of the errors.
"""


class TvrecError(Exception):
    """Root of the tree; its text is a sentence for the person who has to act on it."""


class ConfigError(TvrecError):
    """A setting is missing, malformed or unknown."""


class DataError(TvrecError):
    """What was read is not what it should be."""


class RatingsFileError(DataError):
    """A file of ratings cannot be used."""


class CatalogueError(DataError):
    """A catalogue of shows cannot be used."""


class BatchError(DataError):
    """A batch object cannot be decoded."""


class NotEnoughDataError(DataError):
    """There is too little to train or to evaluate on."""


class ModelError(TvrecError):
    """Something is wrong with a model."""


class ArtifactError(ModelError):
    """The files of a model are incomplete, altered or of an unknown format."""


class TrainingError(ModelError):
    """The training did not end in a usable model."""


class VersionNotFoundError(ModelError):
    """The registry has no such version."""


class DecisionError(ModelError):
    """What was decided about a version cannot be done; the text says why."""


class UnavailableError(TvrecError):
    """A server or store does not answer; the same call may succeed later."""


class StoreUnavailableError(UnavailableError):
    """The object store cannot be read or written."""


class TrackingUnavailableError(UnavailableError):
    """The MLflow server cannot be reached or refuses."""


class ConnectorFailedError(UnavailableError):
    """Kafka Connect answers, and the connector or a task of it has failed."""


class SparkFailedError(UnavailableError):
    """A job failed on Spark for a reason of Spark's own; try again."""


class AlreadyRunningError(TvrecError):
    """Another process works on the same state folder."""


class RequestError(TvrecError):
    """What a client asked for cannot be answered; the text says why."""
