"""The streams: pure function of the position, resume, shuffling, workers, evaluation."""

import inspect
import time

import input_params
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from input import Inputs, example_order, survey
from input.augment import mixing
from input.records import example
from input.sources.file_readers import FolderReader
from input.sources.readers import Shard, TFRecordReader

COUNTS = [7, 6, 5, 5]
TOTAL = sum(COUNTS)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('records')
    input_params.shards(path, 'train', COUNTS)
    input_params.shards(path, 'validation', [4, 3])
    return str(path)


def opened(folder, style='cifar', size=16, **changes):
    return Inputs(input_params.make(data_dir=folder, **changes), style, size, 1000)


def context(pipelines, pipeline):
    return tf.distribute.InputContext(num_input_pipelines=pipelines, input_pipeline_id=pipeline,
                                      num_replicas_in_sync=pipelines)


def flat(batches):
    images = np.concatenate([batch[0]['image'] for batch in batches])
    labels = np.concatenate([batch[1]['label'] for batch in batches])
    return images, labels.tolist()


@pytest.mark.parametrize('changes', [{}, {'use_cache': True}, {'max_bad_records': 3},
                                     {'shuffle_buffer': 4, 'num_readers': 2}], ids=str)
def test_resuming_continues_bit_for_bit(folder, changes):
    inputs = opened(folder, **changes)
    images, labels = flat(input_params.run(inputs.train_input_fn(4), 12))
    for first, style_batches in ((8, 6), (20, 7), (24, 6), (44, 1)):
        again, same = flat(input_params.run(inputs.train_input_fn(4, first), style_batches))
        span = slice(first, first + 4 * style_batches)
        assert same == labels[span], first
        assert (again == images[span]).all(), first
    assert sorted(labels[:TOTAL]) == sorted(labels[TOTAL:2 * TOTAL]) == list(range(TOTAL))
    assert labels[:TOTAL] != labels[TOTAL:2 * TOTAL]


def test_stream_depends_on_the_seed_not_on_threads(folder):
    images, labels = flat(input_params.run(opened(folder).train_input_fn(4), 6))
    for changes in ({'num_parallel_calls': 1}, {'num_parallel_calls': 7}):
        again, same = flat(input_params.run(opened(folder, **changes).train_input_fn(4), 6))
        assert same == labels and (again == images).all()
    other_images, other = flat(input_params.run(opened(folder, seed=1).train_input_fn(4), 6))
    assert other != labels


@pytest.mark.parametrize('changes', [{}, {'mixup_alpha': 0.2}], ids=str)
def test_pauses_do_not_let_what_is_read_ahead_grow(tmp_path, changes, monkeypatch):
    """A training that evaluates now and then: its input is full after each pause, then empty."""
    for number in range(6):
        (tmp_path / str(number % 2)).mkdir(exist_ok=True)
        (tmp_path / str(number % 2) / f'{number}.jpg').write_bytes(input_params.jpeg(number))
    read, content = [], FolderReader._content
    monkeypatch.setattr(FolderReader, '_content', lambda reader, path: (
        read.append(path), content(reader, path))[1])
    inputs = opened(str(tmp_path), dataset='folder', mode='train', **changes)
    taken = ahead = 0
    with tf.Graph().as_default(), input_params.session() as session:
        following = tf.data.make_one_shot_iterator(inputs.train_input_fn(4)()).get_next()
        for _ in range(8):
            for _ in range(ahead // 2 + 4):
                session.run(following)
                taken += 4
            ahead = settled(lambda: len(read)) - taken
    assert 0 < ahead <= 80


def settled(number):
    """What a function gives once it has given the same for a while."""
    before = None
    while before != number():
        before = number()
        time.sleep(0.1)
    return before


def test_shuffling_is_across_files_and_through_the_buffer(tmp_path):
    input_params.shards(tmp_path, 'train', [40] * 6)
    inputs = opened(str(tmp_path), mode='train', num_readers=2, shuffle_buffer=60)
    stream = np.array(input_params.labels_of(inputs.train_input_fn(10), 48))
    first, second = stream[:240], stream[240:]
    assert sorted(first) == sorted(second) == list(range(240))
    assert len(set(first[:20] // 40)) >= 2
    neighbours = np.mean(np.abs(np.diff(first)) == 1)
    assert neighbours < 0.1
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.3
    orders = {tuple(dict.fromkeys((epoch // 40).tolist())) for epoch in (first, second)}
    assert len(orders) == 2


def test_evaluation_is_every_image_once_in_order(folder):
    inputs = opened(folder, style='tpu_bilinear')
    for batch_size in (1, 4, 7, 50):
        batches = input_params.run(inputs.eval_input_fn(batch_size))
        assert sorted(flat(batches)[1]) == list(range(7))
        full = [len(batch[1]['label']) for batch in batches[:-1]]
        assert full == [batch_size] * ((7 - 1) // batch_size)
    one, two = (input_params.run(inputs.eval_input_fn(4)) for _ in range(2))
    assert flat(one)[1] == flat(two)[1]
    assert set(one[0][1]) == {'label'} and one[0][1]['label'].dtype == np.int64
    assert one[0][0]['image'].dtype == np.float32 and one[0][0]['image'].shape == (4, 16, 16, 3)


@pytest.mark.parametrize('counts', [COUNTS, [6, 6, 6, 6], [23]], ids=str)
def test_two_workers_are_disjoint_and_complete(tmp_path, counts):
    input_params.shards(tmp_path, 'train', counts)
    input_params.shards(tmp_path, 'validation', [4, 3])
    inputs, total = opened(str(tmp_path)), sum(counts)
    train, evaluation = inputs.train_input_fn(2), inputs.eval_input_fn(2)
    for function in (train, evaluation):       # so an Estimator finds out that it wants one
        assert inspect.getfullargspec(function).args == ['input_context']
    workers = [input_params.run(lambda: train(context(2, worker)), 18) for worker in (0, 1)]
    streams = [flat(batches)[1] for batches in workers]
    for epoch in range(2):
        half = [stream[epoch * total // 2:(epoch + 1) * total // 2] for stream in streams]
        if total % 2 == 0:
            assert sorted(half[0] + half[1]) == list(range(total))
    paired = [label for pair in zip(*streams) for label in pair]
    assert sorted(paired[:total]) == list(range(total)) or total % 2 == 0
    resumed = inputs.train_input_fn(2, 12)
    for worker in (0, 1):
        images, labels = flat(input_params.run(lambda: resumed(context(2, worker)), 15))
        assert labels == streams[worker][6:]
        assert (images == flat(workers[worker])[0][6:]).all()
    seen = [flat(input_params.run(lambda: evaluation(context(2, worker))))[1] for worker in (0, 1)]
    assert sorted(seen[0] + seen[1]) == list(range(7)) and seen[0] and seen[1]


def test_example_seed_is_the_position(folder, monkeypatch):
    """What a training image is made with: (seed of the run, position in the stream)."""
    from input import preprocessing
    monkeypatch.setattr(preprocessing, 'train_image',
                        lambda encoded, size, seed, params, style: tf.cast(seed, tf.float32))
    batches = input_params.run(opened(folder, seed=9).train_input_fn(5, first_example=15), 4)
    assert flat(batches)[0].tolist() == [[9, position] for position in range(15, 35)]


def test_synthetic(tmp_path):
    inputs = Inputs(input_params.make(dataset='synthetic', num_eval_images=10,
                                      num_label_classes=7), 'tpu_bilinear', 8, 1000)
    assert (inputs.num_train_images, inputs.num_eval_images, inputs.num_classes) == (1024, 10, 7)
    images, labels = flat(input_params.run(inputs.train_input_fn(4), 4))
    assert labels == [position % 7 for position in range(16)]
    again, same = flat(input_params.run(inputs.train_input_fn(4, 8), 2))
    assert same == labels[8:] and (again == images[8:]).all()
    assert images.shape == (16, 8, 8, 3) and 0.5 < images.std() < 1.5
    batches = input_params.run(inputs.eval_input_fn(4))
    assert [len(batch[0]['image']) for batch in batches] == [4, 4, 2]
    assert 'synthetic' in inputs.summary()


def test_mixed_targets_come_with_the_labels(folder, monkeypatch):
    """Mixup gets one-hot targets and a seed made of the first position of the batch."""
    seen = {}

    def mixup(images, targets, alpha, seed):
        seen['alpha'] = alpha
        return images * 0 + tf.cast(seed[1], tf.float32), targets * 2
    monkeypatch.setattr(mixing, 'mixup', mixup)
    batches = input_params.run(
        opened(folder, mixup_alpha=0.3).train_input_fn(4, first_example=8), 2)
    assert seen['alpha'] == 0.3
    for number, (features, labels) in enumerate(batches):
        assert (features['image'] == 8 + 4 * number).all()
        assert (labels['target'].argmax(1) == labels['label']).all()
        assert (labels['target'].sum(1) == 2).all() and labels['target'].shape == (4, TOTAL)


@pytest.mark.parametrize('counts, readers', [
    ((3, 1, 4, 1, 5, 2), 2), ((2, 2, 2, 2), 2), ((7,), None), ((1, 1, 1, 1, 1), 3), ((4, 9), 16)])
def test_places_are_those_of_the_stream(tmp_path, counts, readers):
    """Which file and record is at which position, without reading the files."""
    paths = input_params.shards(tmp_path, 'validation', counts)
    params = input_params.make(data_dir=str(tmp_path), mode='eval', num_readers=readers)
    reader = TFRecordReader([Shard(*row) for row in zip(paths, counts)], None)
    read = input_params.run(lambda: example_order.in_order(reader, params).map(
        lambda path, record, data, label: (path, record)))
    assert survey.places(reader, params) == [(path.decode(), record) for path, record in read]


def test_a_record_knows_its_file(tmp_path):
    names = [b'cat/\xe7\x8c\xab.jpg', None, b'a.png']
    path = input_params.write(str(tmp_path / 'validation-0'), [example.encode_example(dict(
        {'image/encoded': b'x' * 99, 'image/class/label': 0},
        **({'image/filename': name} if name else {}))) for name in names])
    reader = TFRecordReader([Shard(path, 3)], None)
    assert [reader.name(path, record) for record in range(4)] == [
        'cat/\u732b.jpg', None, 'a.png', None]
