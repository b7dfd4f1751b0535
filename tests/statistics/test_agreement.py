import pytest
from numpy.random import default_rng

from loss_study import cli
from loss_study.runtime.errors import StudyError
from loss_study.statistics.agreement import Ordering, Study, agree
from loss_study.statistics.tables import ANSWER_COLUMNS, PAIR_COLUMNS, answer_csv, pairs_csv
from support.made_up_scores import DIFFERENT, EQUAL, SAME, make_up, ranked


def table(columns, *rows):
    """A CSV table in which `rows` name the columns that matter."""
    lines = [",".join(str(row.get(column, "")) for column in columns) for row in rows]
    return "\n".join([",".join(columns), *lines]) + "\n"


def write(folder, order, regrets=(), **p_values):
    """Write the tables of a ranking of the mask's IoU; ``a_b=0.01`` is the p value of "a beats b".

    `regrets` are bounds of the losses in their order.
    """
    folder.mkdir(parents=True)
    common = {"head": "mask", "metric": "iou"}
    ranks = [common | {"loss": loss, "mean": 1 - rank / 10} for rank, loss in enumerate(order)]
    for row, (low, high) in zip(ranks, regrets, strict=False):
        row |= {"regret_low": low, "regret_high": high}
    pairs = [
        common | dict(zip(("better", "worse"), name.split("_"), strict=True), p_adjusted=p)
        for name, p in p_values.items()
    ]
    (folder / "answer.csv").write_text(table(ANSWER_COLUMNS, *ranks))
    (folder / "pairs.csv").write_text(table(PAIR_COLUMNS, *pairs))
    return folder / "answer.csv"


def ordering(better, worse):
    return Ordering("mask", "iou", better, worse)


def test_orderings_are_sorted_by_what_the_second_says(tmp_path):
    first = write(tmp_path / "first", "abcd", a_b=0.01, a_c=0.01, a_d=0.01, b_c=0.3, b_d=0.01, c_d=0.04)
    second = write(tmp_path / "second", "cabe", c_a=0.02, c_b=0.6, a_b=0.9)
    found = agree(Study.read(first), Study.read(second))
    assert found.significant == (ordering("a", "b"), ordering("a", "c"))
    assert found.contradicted == (ordering("a", "c"),)
    assert found.reversed == ()
    assert found.unknown == (ordering("a", "d"), ordering("b", "d"), ordering("c", "d"))
    assert found.orderings == (ordering("a", "b"), ordering("a", "c"), ordering("b", "c"))
    assert found.flipped == (ordering("a", "c"), ordering("b", "c"))


def test_an_opposite_order_that_is_not_significant_is_reversed_not_contradicted(tmp_path):
    first = write(tmp_path / "first", "ab", a_b=0.01)
    second = write(tmp_path / "second", "ba", b_a=0.05)
    found = agree(Study.read(first), Study.read(second))
    assert (found.contradicted, found.reversed) == ((), (ordering("a", "b"),))


def test_a_loss_without_a_place_has_no_order(tmp_path):
    first = write(tmp_path / "first", "ab", a_b=0.01)
    second = write(tmp_path / "second", "ab")
    text = second.read_text().replace(",0.9,", ",,")
    second.write_text(text)
    assert agree(Study.read(first), Study.read(second)).unknown == (ordering("a", "b"),)


def run(*paths):
    """Return the exit code of `loss-study agree`, run in this process."""
    arguments = cli.parse(["agree", *map(str, paths)])
    try:
        arguments.main(arguments)
    except SystemExit as end:
        return end.code
    return 0


def test_command_names_what_is_contradicted(tmp_path, capsys):
    first = write(tmp_path / "first", "abc", a_b=0.01, b_c=0.02)
    second = write(tmp_path / "second", "bac", b_a=0.01)
    assert run(first, second) == 1
    assert capsys.readouterr().out.splitlines() == [
        "0 regrets of losses: 0 contradicted",
        "2 significant differences in the first study: 1 contradicted by the second, 0 reversed",
        "  contradicted  mask iou: a beats b",
        "3 orderings of two losses, significant or not: 1 flip",
    ]


def test_command_succeeds_without_a_contradiction(tmp_path):
    first = write(tmp_path / "first", "ab", a_b=0.01)
    assert run(first, first) == 0


def test_regrets_are_contradicted_where_their_intervals_are_apart(tmp_path, capsys):
    first = write(tmp_path / "first", "abc", [(0, 0.01), (0, 0.02), (0.1, 0.2)])
    second = write(tmp_path / "second", "bac", [(0, 0.005), (0.01, 0.03), (0.21, 0.3)])
    found = agree(Study.read(first), Study.read(second))
    assert found.apart == (("mask", "c"),)
    assert found.choices == {"mask": ("a", "b", (0.01, 0.03))}
    assert run(first, second) == 1
    assert capsys.readouterr().out.splitlines()[:3] == [
        "mask: the first study chooses a, the second b; in the second a is at most 0.030 IoU worse than the best "
        "compared loss",
        "3 regrets of losses: 1 contradicted",
        "  contradicted  mask: regret of c",
    ]


ZERO, SMALL, LARGE = (0, 0.01), (0.005, 0.02), (0.1, 0.2)


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        # e, which the first study does not have, may be the better one.
        ({"a": ZERO, "b": SMALL}, {"e": ZERO, "a": LARGE, "b": LARGE}, ()),
        ({"e": ZERO, "a": LARGE, "b": LARGE}, {"a": ZERO, "b": SMALL}, ()),
        # But not one that makes a better.
        ({"b": ZERO, "a": LARGE}, {"a": ZERO, "b": SMALL, "e": LARGE}, ("a",)),
        ({"a": ZERO, "b": SMALL, "e": LARGE}, {"b": ZERO, "a": LARGE}, ("a",)),
        # The best loss of either is one that the other does not have.
        ({"d": ZERO, "a": LARGE}, {"a": ZERO, "e": SMALL}, ()),
        ({"a": ZERO, "b": LARGE}, {"b": ZERO, "a": LARGE}, ("a", "b")),
    ],
)
def test_a_regret_among_more_losses_may_be_larger(tmp_path, first, second, apart):
    one = write(tmp_path / "first", first, first.values())
    other = write(tmp_path / "second", second, second.values())
    found = agree(Study.read(one), Study.read(other))
    assert sorted(loss for _, loss in found.apart) == sorted(apart)
    assert run(one, other) == bool(apart)


def test_networks_of_one_seed_contradict_nothing(tmp_path, capsys):
    several = write(tmp_path / "several", "ab", a_b=0.01)
    one_seed = write(tmp_path / "one", "ba", b_a=0.001)
    lines = one_seed.read_text().splitlines()
    one_seed.write_text("\n".join([lines[0], *(line + "1" for line in lines[1:])]))
    said = "with one seed per loss, significant differences on the mask are of networks, and do not count"
    for pair in ((several, one_seed), (one_seed, several)):
        assert run(*pair) == 0 and said in capsys.readouterr().out.splitlines()
    assert Study.read(one_seed).significant == frozenset() != Study.read(several).significant
    run(several, several)
    assert "networks" not in capsys.readouterr().out


def test_the_order_is_that_of_the_means(tmp_path):
    first = write(tmp_path / "first", "ab", a_b=0.01)
    # b stands first since a failed with a seed, but has not the better mean.
    behind = write(tmp_path / "behind", "ba")
    behind.write_text(behind.read_text().replace(",0.9,", ",0.95,").replace(",1.0,", ",0.9,"))
    tie = write(tmp_path / "tie", "ba")
    tie.write_text(tie.read_text().replace(",0.9,", ",1.0,"))
    for second in (behind, tie):
        found = agree(Study.read(first), Study.read(second))
        assert (found.flipped, found.reversed, found.unknown) == ((), (), ())
        assert found.significant == found.orderings == (ordering("a", "b"),)


def test_a_missing_table_is_named(tmp_path):
    first = write(tmp_path / "first", "ab")
    first.with_name("pairs.csv").unlink()
    with pytest.raises(StudyError, match=f"^{first.with_name('pairs.csv')}: not found; 'dvc repro compare' writes it$"):
        run(first, first)


def test_another_table_is_refused(tmp_path):
    first = write(tmp_path / "first", "ab")
    first.write_text("head,loss\n")
    with pytest.raises(StudyError, match="no column 'metric'"):
        Study.read(first)


def reported(folder, means, seed):
    folder.mkdir()
    ranking = ranked(make_up(default_rng(seed), means, EQUAL / 4, 4))
    (folder / "answer.csv").write_text(answer_csv([ranking]))
    (folder / "pairs.csv").write_text(pairs_csv([ranking]))
    return Study.read(folder / "answer.csv")


def test_reports_of_the_same_effects_agree_and_those_of_opposite_effects_do_not(tmp_path):
    one = reported(tmp_path / "one", DIFFERENT, 0)
    again = reported(tmp_path / "again", DIFFERENT, 1)
    opposite = reported(tmp_path / "opposite", 2 * SAME - DIFFERENT, 2)
    assert len(one.significant) > 5
    assert agree(one, again).contradicted == () and agree(one, again).apart == ()
    assert len(agree(one, opposite).contradicted) > 5
