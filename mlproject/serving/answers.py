"""The bytes of an answer."""

import json


def encoded(content: object) -> bytes:
    """Return content as compact JSON in UTF-8; equal content, equal bytes."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
