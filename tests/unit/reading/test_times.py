"""Times in any unit and form are read where there is no doubt."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from mlproject.core.dates import EARLIEST_MS
from mlproject.reading.times import NONE, TimesInDoubtError, read_times

AT = datetime(2020, 5, 17, 20, 15, tzinfo=UTC)
MS = int(AT.timestamp() * 1000)
DAY = int(datetime(2020, 5, 17, tzinfo=UTC).timestamp() * 1000)


def read(*texts: str | None) -> list[int | None]:
    times, reasons, _ = read_times(pa.chunked_array([pa.array(texts, pa.string())]), "date")
    assert [time == NONE for time in times.tolist()] == [reason != "" for reason in reasons]
    return [None if time == NONE else time for time in times.tolist()]


@pytest.mark.parametrize(
    "text",
    [
        f"{MS // 1000}",
        f"{MS // 1000}.0",
        f"{MS}",
        f"{MS}000",
        f"{MS}000000",
        "20200517201500",
        "2020-05-17T20:15:00Z",
        "2020-05-17 20:15:00",
        "2020-05-17 20:15",
        "2020-05-17T20:15:00.000+00:00",
        "2020-05-17 20:15:00 UTC",
        "2020-05-17T22:15:00+0200",
        "2020/5/17 20:15",
        "05/17/2020 20:15",
        "5/17/2020 8:15 PM",
        "17/05/2020 20:15:00",
        "17.5.2020 20:15",
        "17-May-2020 20:15",
        "17 May 2020 20:15:00",
        "May 17, 2020 08:15 PM",
        "Sun May 17 20:15:00 2020",
        "Sun May 17 20:15:00 +0000 2020",
        "Sun, 17 May 2020 20:15:00 +0000",
    ],
)
def test_a_time_is_read_in_every_usual_form(text: str) -> None:
    assert read(text) == [MS]
    # Neither a blank nor a word among them touches it.
    assert read(text, None, "soon", "nan") == [MS, None, None, None]


@pytest.mark.parametrize(
    "text", ["20200517", "2020-05-17", "2020/05/17", "05/17/2020", "05 17, 2020", "May 17, 2020"]
)
def test_a_day_is_its_beginning(text: str) -> None:
    assert read(text) == [DAY]


def test_each_value_has_its_own_unit() -> None:
    assert read(f"{MS // 1000}", f"{MS}", f"{MS}000", "2020-05-17T20:15:00Z") == [MS] * 4


def test_fractions_of_a_second_are_kept_to_the_millisecond() -> None:
    assert read(f"{MS // 1000}.25", f"{MS + 250}", "2020-05-17T20:15:00.25Z") == [MS + 250] * 3


def test_one_date_without_doubt_settles_the_order_of_all() -> None:
    assert read("01/02/2020", "13/02/2020")[0] == 1_580_515_200_000  # 1 February
    assert read("01/02/2020", "01/13/2020")[0] == 1_577_923_200_000  # 2 January
    assert read("01.02.2020") == [1_580_515_200_000]


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (("01/02/2020", "03/04/2020"), "no day is above 12"),
        (("13/02/2020", "02/13/2020"), "both days first and months first occur"),
    ],
)
def test_dates_in_doubt_are_refused(texts: tuple[str, ...], why: str) -> None:
    with pytest.raises(TimesInDoubtError, match=rf"{why}\); write them in ISO 8601"):
        read(*texts)


@pytest.mark.parametrize(
    "text", ["soon", "1.5778E+09", "12", "2020-02-30", "5/17/20", "99999999999999999999", "-5"]
)
def test_what_is_no_time_is_none_or_implausible(text: str) -> None:
    times, _, _ = read_times(pa.array([text]), "date")
    assert times[0] < EARLIEST_MS
