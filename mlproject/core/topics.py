"""The names of the topics."""

from typing import Final

TOPIC: Final = "ratings"
DEAD_LETTER_TOPIC: Final = f"{TOPIC}.dlq"
