"""A batch grows as long as images per second do."""

from loss_study.inference.batch_size import BatchSize


def sizes(speed, batches=40, **options):
    """Return the sizes of the batches where a batch of n images makes ``speed(n)`` images/s."""
    size = BatchSize(**{"numbers": 1000} | options)
    found = []
    for _ in range(batches):
        found.append(size.size)
        size.took(size.size, size.size / speed(size.size))
    return found


def test_it_doubles_until_that_gains_nothing():
    found = sizes(lambda images: min(images, 8) * 10.0)
    assert found[-1] == 8 and max(found) == 32
    assert found[:8] == [1, 1, 2, 2, 4, 4, 8, 8]


def test_one_size_that_other_work_slowed_does_not_end_it():
    assert sizes(lambda images: 5.0 if images == 2 else min(images, 8) * 10.0)[-1] == 8


def test_it_stays_at_one_where_more_is_slower():
    assert sizes(lambda images: 10.0 / images)[-1] == 1


def test_it_never_takes_more_than_fits():
    assert max(sizes(float)) == 64
    assert max(sizes(float, numbers=2**22)) == 4
    assert max(sizes(float, numbers=2**30)) == 1


def test_a_fixed_size_stays():
    assert set(sizes(float, fixed=5)) == {5}


def test_a_batch_of_another_size_says_nothing():
    size = BatchSize(1000)
    for images in (1, 1):
        size.took(images, 1.0)
    assert size.size == 2
    size.took(1, 0.001)
    size.took(4, 0.001)
    size.took(2, 0.5)
    size.took(2, 0.5)
    assert size.size == 4
