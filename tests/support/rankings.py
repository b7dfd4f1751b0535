"""Rankings with groups and regrets by construction."""

from loss_study.metrics import HEADLINE, find
from loss_study.statistics.looks import Look
from loss_study.statistics.ranking import BEST, EQUIVALENT, OPEN, WORSE, Ranking, Standing
from loss_study.statistics.results import Result
from loss_study.trial import Trial

#: By loss: group, bounds of the regret, mean.
DECIDED = {
    "dice": (BEST, 0.0, 0.0141, 0.7),
    "bce": (EQUIVALENT, 0.001, 0.019, 0.69),
    "l1": (WORSE, 0.0219, 0.034, 0.67),
    "ssim": (WORSE, 0.5, 0.61, 0.1),
}
UNDECIDED = {
    "dice": (OPEN, 0.0, 0.031, 0.7),
    "bce": (OPEN, 0.0, 0.04, 0.69),
    "l1": (WORSE, 0.0219, 0.06, 0.66),
}


def result(head, loss, seed, verdict="", **run):
    """A sound trial, or one with a `verdict`."""
    test = {} if verdict else {HEADLINE[head]: 0.7}
    return Result(Trial(head, loss, seed), "finished", verdict, "", run, test, None, (), ())


def ranked(known, head="mask", seeds=3, failed=(), **values):
    """A ranking of the losses in `known`, best first, then those in `failed`, of which one trial in two collapsed."""
    metric = find(HEADLINE[head])
    standings = [
        Standing(
            loss,
            metric,
            tuple(result(head, loss, seed, seconds=60.0) for seed in range(seeds)),
            mean,
            None if group == "" else mean - 0.05,
            None if group == "" else mean + 0.05,
            group,
            low,
            high,
        )
        for loss, (group, low, high, mean) in known.items()
    ]
    standings += [
        Standing(loss, metric, (result(head, loss, 0), result(head, loss, 1, "all background")), 0.7) for loss in failed
    ]
    facts = {"choice": next(iter(known), None), "margin": 0.02, "images": 100, "objects": 90, "backgrounds": 20}
    facts |= {"look": Look(1, (3,))}
    return Ranking(head, metric, tuple(standings), **(facts | values))
