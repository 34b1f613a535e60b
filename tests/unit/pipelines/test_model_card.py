"""What is told of a model where it is handed on."""

from mlproject.pipelines.model_card import LONGEST, model_card

NOTE = "**promoted**: better by 5 %"
METRICS = {
    "cold_users": 1203.0,
    "cold_user_precision_at_10": 0.25,
    "popularity_cold_user_precision_at_10": 0.125,
    "cold_show_users": 7.0,
    "cold_show_recall_at_10": 0.0625,
}


def card(metrics: dict[str, float]) -> str:
    return model_card(
        NOTE, run_id="2f", kind="factors", split="random 0.2 seed 1", metrics=metrics, k=10
    )


def test_it_tells_figures_by_slice_limits_and_how_to_ask() -> None:
    text = card(METRICS)
    assert text.startswith(NOTE)
    assert "the kind `factors`. Ratings held out: random 0.2 seed 1." in text
    assert "at most 10 shows | 1,203 | 0.2500 | 0.1250 |" in text
    assert "at most 10 have rated | 7 | 0.0625 | |" in text
    assert "**Limits.**" in text
    assert 'mlflow.pyfunc.load_model("runs:/2f/model")' in text
    assert 'params={"num_items": 10}' in text


def test_it_says_nothing_of_a_slice_that_is_empty() -> None:
    assert "| slice |" not in card({})
    only_users = {key: value for key, value in METRICS.items() if "show" not in key}
    assert "precision@10" in card(only_users)
    assert "recall@10" not in card(only_users)


def test_what_it_adds_leaves_room_for_the_note_in_a_version_s_description() -> None:
    assert len(card(METRICS)) - len(NOTE) < LONGEST / 2
