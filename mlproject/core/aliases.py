"""The aliases of the registered model."""

from typing import Final

PRODUCTION: Final = "production"
"""What the service loads."""
PREVIOUS: Final = "previous"
"""What was in production before: the way back."""
REFERENCE: Final = "reference"
"""The best of the recent past: what keeps small losses from adding up."""
CHALLENGER: Final = "challenger"
"""The best of those that may not go into production by themselves."""
