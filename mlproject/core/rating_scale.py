"""The scale of ratings; apart from the frames, since a service has no pandas."""

from typing import Final

LOWEST: Final = 1
HIGHEST: Final = 10
