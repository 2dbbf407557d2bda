"""Data sets of many records: resuming without reading what lies before, counts, searches."""

import os
import signal

import input_params
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common import signals
from input import Inputs, diagnosis, example_order
from input.records import tfrecord
from input.sources import counts, readers

SHARDS, EACH = 64, 50
CHANGES = {'shuffle_buffer': 20, 'num_readers': 2}


def reader_of(folder):
    """A reader of 64 shards of 50 records that are only numbers."""
    shards = []
    for index in range(SHARDS):
        path = str(folder / f'train-{index:05d}-of-{SHARDS:05d}')
        with tfrecord.Writer(path) as writer:
            for record in range(EACH):
                writer.write(str(index * EACH + record).encode())
        shards.append(readers.Shard(path, EACH))
    return readers.TFRecordReader(shards, None)


@pytest.fixture
def reader(tmp_path):
    return reader_of(tmp_path)


@pytest.fixture(scope='module')
def long_stream(tmp_path_factory):
    """(reader, two epochs and more of its stream)."""
    reader = reader_of(tmp_path_factory.mktemp('records'))
    return reader, stream(reader, 0, 6700)


def stream(reader, first, count, part=example_order.Share(1, 0), **changes):
    """(position, path, number) of some raw examples."""
    params = input_params.make(**dict(CHANGES, **changes))
    rows = input_params.run(
        lambda: example_order.raw_training(reader, params, part, first).batch(count), 1)[0]
    return list(zip(rows[0].tolist(), rows[1].tolist(), map(int, rows[3].tolist())))


def test_a_start_in_the_middle_of_an_epoch_reads_one_segment_to_be_there(reader):
    total = SHARDS * EACH
    whole = stream(reader, 0, total + 700)
    assert sorted(row[2] for row in whole[:total]) == list(range(total))
    first = 1830
    needed = {path for _, path, _ in whole[first - 100:total]}
    unread = {path for _, path, _ in whole[:first - 100]} - needed
    assert len(unread) > SHARDS // 2 - 4
    for path in unread:
        os.truncate(path, 0)
    assert stream(reader, first, total - first) == whole[first:total]


@pytest.mark.parametrize('first', [0, 99, 100, 101, 3199, 3200, 3201, 6500])
def test_every_start_continues_the_stream(first, long_stream):
    reader, whole = long_stream
    assert stream(reader, first, 150) == whole[first:first + 150]


def test_every_epoch_has_each_example_once(long_stream):
    _, whole = long_stream
    for epoch in (whole[:3200], whole[3200:6400]):
        assert sorted(row[2] for row in epoch) == list(range(3200))
    assert [row[2] for row in whole[:3200]] != [row[2] for row in whole[3200:6400]]


def test_segments_are_whole_epochs_where_data_are_small(reader):
    params = input_params.make()
    assert example_order.number_of_segments(reader, params, 3200) == 1
    assert example_order.number_of_segments(reader, params, 20) == 4     # 16 files at a time
    one = stream(reader, 0, 3200, shuffle_buffer=3200)
    order = [row[2] for row in one]
    assert np.corrcoef(order, range(3200))[0, 1] < 0.1      # mixed over the whole epoch


def test_counts_are_kept_for_the_next_start(reader, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(counts, 'KEPT_ABOVE', 0)
    paths = [shard.path for shard in reader.shards]
    assert counts.of_files(paths) == [EACH] * SHARDS
    assert 'a later start' in capsys.readouterr().out
    counted, count = [], tfrecord.count_records
    monkeypatch.setattr(tfrecord, 'count_records',
                        lambda path: (counted.append(path), count(path))[1])
    assert counts.of_files(paths) == [EACH] * SHARDS and not counted
    with tfrecord.Writer(paths[3]) as writer:
        writer.write(b'one')
    os.utime(paths[3], (1, 1))
    assert counts.of_files(paths)[3] == 1 and counted == [paths[3]]
    for path in (tmp_path / 'cache').rglob('*.json'):
        path.write_text('{"damaged": [1')
    assert counts.of_files(paths)[2:4] == [EACH, 1]


@pytest.fixture
def inputs(tmp_path):
    input_params.shards(tmp_path, 'train', [6, 6])
    return Inputs(input_params.make(data_dir=str(tmp_path), mode='train'), 'cifar', 16, 1000)


def network_error():
    """An error of a step that is none of the data's."""
    with tf.Graph().as_default(), tf.Session() as session:
        with pytest.raises(tf.errors.OpError) as caught:
            session.run(tf.reshape(tf.placeholder_with_default(tf.zeros([3]), [None]), [2]))
    return caught.value


def test_an_error_of_the_network_starts_no_search(inputs, monkeypatch):
    monkeypatch.setattr(diagnosis, '_scan', lambda *arguments: pytest.fail('searched'))
    assert inputs.explain_failure(network_error()) is None
    missing = tf.errors.NotFoundError(None, None, 'Key a/b not found in checkpoint')
    assert inputs.explain_failure(missing) is None


def test_a_search_shows_its_progress_and_ends_on_a_signal(inputs, monkeypatch):
    shown = []

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self, count):
            shown.append(count)
    monkeypatch.setattr(diagnosis.progress, 'bar', lambda *arguments: Bar())
    error = tf.errors.InvalidArgumentError(None, None, 'bad [[IteratorGetNext]]')
    assert inputs.explain_failure(error) is None and sum(shown) == 12
    monkeypatch.setattr(signals, 'received', lambda: signal.Signals.SIGTERM.name)
    assert 'SIGTERM ended the search' in inputs.explain_failure(error)
