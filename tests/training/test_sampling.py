"""The batches of an epoch."""

import numpy as np

from dmlkit.training import sampling


def rng(seed: int = 0):
    return np.random.default_rng(seed)


def test_a_balanced_batch_has_as_many_images_of_each_of_its_classes():
    fine = np.repeat(np.arange(40), 8)
    batches = sampling.balanced(fine, 64, 4, rng())
    assert batches.shape == (5, 64)
    for batch in batches:
        groups = fine[batch].reshape(-1, 4)
        assert (groups == groups[:, :1]).all()
        assert len(np.unique(groups[:, 0])) >= 13  # of 16: seldom two groups of a class
    assert len(np.unique(batches)) == batches.size  # no image twice


def test_leftover_images_wait_and_come_in_other_epochs():
    fine = np.repeat(np.arange(8), 7)  # one group of 4 and 3 left over
    seen = [sampling.balanced(fine, 16, 4, rng(epoch)) for epoch in range(12)]
    assert all(batches.shape == (2, 16) for batches in seen)
    assert len(np.unique(np.concatenate(seen))) == len(fine)


def test_a_class_with_too_few_images_repeats_them():
    fine = np.array([0, 0, 0, 0, 1, 2, 2, 2])
    batch = sampling.balanced(fine, 12, 4, rng())[0]
    assert sorted(np.bincount(fine[batch])) == [4, 4, 4]
    assert list(batch[fine[batch] == 1]) == [4, 4, 4, 4]


def test_large_and_small_classes_are_spread_over_the_epoch():
    fine = np.concatenate([np.zeros(400, int), np.repeat(np.arange(1, 51), 8)])
    batches = sampling.balanced(fine, 80, 4, rng())
    share = (fine[batches] == 0).mean(axis=1)
    assert (abs(share - 0.5) < 0.2).all()


def test_the_papers_batch_has_a_third_of_a_class_at_each_scale():
    fine = np.repeat(np.arange(30), 8)
    labels = np.stack([fine, fine // 5, fine // 15], axis=1)
    seen = []
    for epoch in range(5):
        batches = sampling.thirds(labels, 48, 4, epoch, rng(epoch))
        assert batches.shape == (5, 48)
        for batch in batches:
            for scale, third in enumerate(batch.reshape(3, 16)):
                of_scale = labels[third, scale].reshape(4, 4)
                assert (of_scale == of_scale[:, :1]).all()
                if scale < 2:
                    assert all(len(set(group)) == 4 for group in third.reshape(4, 4))  # no image twice
        seen.append(np.sort(labels[batches[:, :16].reshape(-1, 4)[:, 0], 0]))
    # 20 items an epoch and 30 fine classes: after three epochs each had two turns, in 5 epochs three or four.
    assert (np.bincount(np.concatenate(seen[:3])) == 2).all()
    coarse = labels[batches[:, 32:], 2]
    assert 0.3 < coarse.mean() < 0.7


def test_the_papers_batch_repeats_images_of_a_class_that_has_too_few():
    labels = np.array([[0, 0, 0], [0, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0]] * 4)
    labels = np.concatenate([labels, [[2, 2, 1]]])
    batch = sampling.thirds(labels, 24, 4, 0, rng())[0]
    assert sampling.thirds(labels, 48, 4, 0, rng()).shape == (1, 48)  # more than there are images
    for third, scale in zip(batch.reshape(3, 8), range(3), strict=True):
        assert sorted(np.bincount(labels[third, scale])[[*set(labels[third, scale])]]) == [4, 4]


def test_the_same_seed_gives_the_same_batches():
    labels = np.stack([np.repeat(np.arange(12), 6)] * 3, axis=1)
    assert (sampling.balanced(labels[:, 0], 24, 4, rng(3)) == sampling.balanced(labels[:, 0], 24, 4, rng(3))).all()
    assert (sampling.balanced(labels[:, 0], 24, 4, rng(3)) != sampling.balanced(labels[:, 0], 24, 4, rng(4))).any()
    assert (sampling.thirds(labels, 24, 4, 1, rng(3)) == sampling.thirds(labels, 24, 4, 1, rng(3))).all()
