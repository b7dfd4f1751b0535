from loss_study.metrics import find
from loss_study.metrics.groups import groups


def test_metrics_are_shown_in_groups():
    titles = [(group.title, [heading for heading, _ in group.columns]) for group in groups(["iou", "iou_at_best"])]
    assert titles == [("", ["IoU"]), ("at the threshold chosen on validation", ["IoU"])]
    assert find("iou").show(0.93456) == "0.935"
    assert find("rmse_coded").show(0.03) == "0.0300"
    assert find("home_made").higher_is_better is None
    assert find("iou").show(None) == "-"
