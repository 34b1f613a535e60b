"""Secrets out of texts that people will read."""

from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.masking import MASK, mask

SECRETS = st.lists(st.text("abc*/:@ \"'{", min_size=1, max_size=8), min_size=1, max_size=3)


@given(st.text("abcdef"), SECRETS.filter(lambda secrets: not any(one in MASK for one in secrets)))
def test_no_secret_is_left(text: str, secrets: list[str]) -> None:
    planted = text.join(["", *secrets, ""])
    masked = mask({"deep": [planted, (planted,)]}, secrets)
    for told in (masked["deep"][0], masked["deep"][1][0]):
        # Two halves of a text may make a secret only by the mask between them.
        assert not any(one in told for one in secrets if not set(one) & set(MASK))


def test_a_secret_that_holds_another_is_masked_as_a_whole() -> None:
    assert mask("xx-pass-word", ["pass", "pass-word"]) == f"xx-{MASK}"


def test_user_and_password_of_an_address_are_masked() -> None:
    assert mask("no http://ann:p@ss@host:1/x, no s3://b") == f"no http://{MASK}@host:1/x, no s3://b"


def test_an_object_is_masked_only_if_its_text_holds_a_secret() -> None:
    plain, telling = ValueError("plain"), ValueError("holds pw")
    assert mask(plain, ["pw"]) is plain
    assert mask(telling, ["pw"]) == f"holds {MASK}"


def test_an_empty_secret_masks_nothing() -> None:
    assert mask("as it is", [""]) == "as it is"
