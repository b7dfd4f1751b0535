"""Which images an inspection looks at."""

from loss_study.inspection.examples import choose, natural, spread

SPLITS = {"t": "train", "v": "validation", "e": "test"}


def chosen(kinds, count):
    """The names that are chosen of frames 0, 1, ... whose splits the letters of `kinds` say."""
    names = [f"frame_{number}" for number in range(len(kinds))]
    return [names[place] for place in choose(names, [SPLITS[kind] for kind in kinds], count)]


def test_a_test_image_comes_with_its_neighbours_in_training_by_number():
    # In the order of the alphabet frame_10 would be a neighbour of frame_1.
    assert chosen("ttttttttttet", 3) == ["frame_10", "frame_9", "frame_11"]
    assert set(chosen("tettttvet", 6)) == {"frame_1", "frame_0", "frame_2", "frame_7", "frame_5", "frame_8"}


def test_what_is_left_of_the_number_is_a_spread_of_the_others():
    assert len(chosen("te" + 30 * "v", 12)) == 12
    assert sorted(chosen("tev", 12)) == ["frame_0", "frame_1", "frame_2"]
    assert len(set(chosen("tetevtte", 6))) == len(chosen("tetevtte", 6)) == 6


def test_without_splits_it_is_a_spread_of_all():
    names = [f"frame_{number}" for number in range(11)]
    assert choose(names, [""] * 11, 3) == [0, 5, 10]


def test_a_spread_has_both_ends():
    assert spread(range(100), 5) == [0, 25, 50, 74, 99]
    assert spread([3, 1], 5) == [3, 1]
    assert spread(range(3), 0) == spread([], 3) == []


def test_natural_order_compares_numbers_and_words():
    names = ["b2", "b10", "7", "b", "\udcff10", "b2a"]
    assert sorted(names, key=natural) == ["7", "b", "b2", "b2a", "b10", "\udcff10"]
