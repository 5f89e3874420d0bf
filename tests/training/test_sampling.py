"""The batches of an epoch."""

import numpy as np

from dmlkit.training import data


def rng(seed: int = 0):
    return np.random.default_rng(seed)


def test_balanced_batch_has_whole_groups():
    fine = np.repeat(np.arange(40), 8)
    batches = data.sample_balanced(fine, 64, 4, rng())
    assert batches.shape == (5, 64)
    for batch in batches:
        groups = fine[batch].reshape(-1, 4)
        assert (groups == groups[:, :1]).all()
        assert len(np.unique(groups[:, 0])) >= 13  # of 16: seldom two groups of a class
    assert len(np.unique(batches)) == batches.size  # no image twice


def test_leftover_images_come_in_other_epochs():
    fine = np.repeat(np.arange(8), 7)  # one group of 4 and 3 left over
    seen = [data.sample_balanced(fine, 16, 4, rng(epoch)) for epoch in range(12)]
    assert all(batches.shape == (2, 16) for batches in seen)
    assert len(np.unique(np.concatenate(seen))) == len(fine)


def test_small_class_repeats_its_images():
    fine = np.array([0, 0, 0, 0, 1, 2, 2, 2])
    batch = data.sample_balanced(fine, 12, 4, rng())[0]
    assert sorted(np.bincount(fine[batch])) == [4, 4, 4]
    assert list(batch[fine[batch] == 1]) == [4, 4, 4, 4]


def test_large_classes_are_spread_over_the_epoch():
    fine = np.concatenate([np.zeros(400, int), np.repeat(np.arange(1, 51), 8)])
    batches = data.sample_balanced(fine, 80, 4, rng())
    share = (fine[batches] == 0).mean(axis=1)
    assert (abs(share - 0.5) < 0.2).all()


def test_groups_of_a_class_are_spread_evenly():
    # 10 groups of class 0 among 10 batches: spread evenly, two neighbours are seldom in one batch.
    fine = np.concatenate([np.zeros(40, int), np.repeat(np.arange(1, 31), 4)])
    batches = [
        (fine[batch] == 0).sum() // 4 for seed in range(20) for batch in data.sample_balanced(fine, 16, 4, rng(seed))
    ]
    assert max(batches) <= 3
    assert np.mean(np.array(batches) == 1) > 0.55  # of positions drawn without a spread, 0.43


def test_paper_batch_has_a_third_per_scale():
    fine = np.repeat(np.arange(30), 8)
    labels = np.stack([fine, fine // 5, fine // 15], axis=1)
    seen = []
    for epoch in range(5):
        batches = data.sample_thirds(labels, 48, 4, epoch, rng(epoch))
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


def test_paper_batch_repeats_images_of_small_class():
    labels = np.array([[0, 0, 0], [0, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0]] * 4)
    labels = np.concatenate([labels, [[2, 2, 1]]])
    batch = data.sample_thirds(labels, 24, 4, 0, rng())[0]
    assert data.sample_thirds(labels, 48, 4, 0, rng()).shape == (1, 48)  # more than there are images
    for third, scale in zip(batch.reshape(3, 8), range(3), strict=True):
        assert sorted(np.bincount(labels[third, scale])[[*set(labels[third, scale])]]) == [4, 4]


def test_same_seed_gives_same_batches():
    labels = np.stack([np.repeat(np.arange(12), 6)] * 3, axis=1)
    assert (
        data.sample_balanced(labels[:, 0], 24, 4, rng(3)) == data.sample_balanced(labels[:, 0], 24, 4, rng(3))
    ).all()
    assert (
        data.sample_balanced(labels[:, 0], 24, 4, rng(3)) != data.sample_balanced(labels[:, 0], 24, 4, rng(4))
    ).any()
    assert (data.sample_thirds(labels, 24, 4, 1, rng(3)) == data.sample_thirds(labels, 24, 4, 1, rng(3))).all()
