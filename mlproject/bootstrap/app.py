"""All adapters of a process in one object."""

from mlproject.bootstrap.ratings import RatingsPart
from mlproject.bootstrap.service import ServicePart
from mlproject.bootstrap.training import TrainingPart


class App(RatingsPart, TrainingPart, ServicePart):
    """The adapters of one process, as its settings choose them.

    Each is made when it is first asked for, once, and imported then: a process loads only
    what it uses, and a deployable installs only what it needs. Nothing connects before it is
    used, but for :meth:`open_rating_sink`, which waits for its servers. What holds something
    open is closed at the end of the ``with`` block, the latest first.

    An adapter can be replaced before it is used, by a fake for instance.

    Parameters
    ----------
    settings
        The settings of the process.

    Examples
    --------
    >>> from mlproject import config
    >>> from mlproject.testing import MemoryStore
    >>> with App(config.Settings()) as app:
    ...     app.store = MemoryStore()
    ...     len(app.catalogue_source.read()) >= 400
    True
    """
