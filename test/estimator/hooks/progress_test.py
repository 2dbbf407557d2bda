"""What a run says while it goes: means, time left, seconds, log styles, TensorBoard's files."""

import glob
import os
import re
import threading

import program
import pytest
import tensorflow.compat.v1 as tf

from common import console
from estimator import curves
from estimator import plan as plan_lib
from estimator.hooks import events, log_styles, means, progress, throughput

pytestmark = pytest.mark.usefixtures('shallow')

ROW = dict(step=1251, epoch=117.89251518342262, images_per_sec=11012.314306960132,
           cross_entropy=2.76953125, loss=3.094825029373169, learning_rate=0.5281736254692078,
           train_accuracy=0.5798249840736389, train_top_5_accuracy=0.8, input_wait=0.25, steps=10,
           steps_per_epoch=1251, step_seconds=0.117368)


@pytest.fixture(scope='module')
def short_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    program.run(folder, train_steps=6, steps_per_eval=3, log_step_count_steps=2,
                save_summary_steps=3)
    return folder


def test_numbers_are_means_since_the_last_line():
    gathered = means.Means()
    for value in (1.0, 2.0, 6.0):
        gathered.add(dict.fromkeys(means.AVERAGED + means.LAST, value))
    found = gathered.take()
    assert found['loss'] == found['train_accuracy'] == 3.0 and found['learning_rate'] == 6.0
    assert gathered.take() == {}


def test_rows_of_a_run(short_run):
    rows = curves.read(str(short_run / 'log.csv'))
    assert [row['step'] for row in rows] == [2, 3, 4, 6]    # every second, and before evaluating
    seconds = [row['seconds'] for row in rows]
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert all(0 <= row['input_wait'] <= 1 for row in rows)


def test_seconds_go_on_where_a_run_goes_on(tmp_path):
    for length in (2, 3):
        program.run(tmp_path, mode='train', train_steps=length)
    rows = curves.read(str(tmp_path / 'log.csv'))
    assert [row['step'] for row in rows] == [1, 2, 3]
    seconds = [row['seconds'] for row in rows]
    assert seconds == sorted(seconds) and seconds[0] < seconds[2]       # written in hundredths


def test_tensorboard_is_small_and_has_one_set_of_names(short_run):
    def read(pattern):
        found, graphs = {}, []
        for path in glob.glob(str(short_run / pattern)):
            for event in tf.train.summary_iterator(path):
                graphs += [event.graph_def] if event.graph_def else []
                for value in event.summary.value:
                    found.setdefault(value.tag, []).append((event.step, value))
        return found, graphs

    training, graphs = read('events*')
    evaluation, _ = read('eval/events*')
    for name in ('loss', 'cross_entropy', 'top_1_accuracy', 'top_5_accuracy'):
        assert [step for step, _ in training[name]] == [3, 6]
        assert [step for step, _ in evaluation[name]] == [3, 6]
    assert {'learning_rate', 'images_per_sec', 'input_wait'} < set(training)
    assert training['inputs'][0][1].image.width > 0 and len(training['inputs']) == 1
    assert evaluation['mistakes'][0][1].image.encoded_image_string.startswith(b'\xff\xd8')
    paths = glob.glob(str(short_run / '**' / 'events*'), recursive=True)
    assert sum(os.path.getsize(path) for path in paths) < 2e6
    assert max(len(graph) for graph in graphs) < 5e5
    losses = {step: value.simple_value for step, value in training['loss']}
    rows = {row['step']: row['loss'] for row in curves.read(str(short_run / 'log.csv'))}
    assert losses[3] == pytest.approx((2 * rows[2] + rows[3]) / 3, rel=1e-4)


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        for name in ('time', 'monotonic'):
            monkeypatch.setattr(throughput.time, name, lambda: self.now)


def test_start_up_and_left_out_steps_are_in_no_rate(monkeypatch):
    clock = Clock(monkeypatch)
    speed = throughput.Throughput(images_per_run=8, warm_up=1)
    speed.after_create_session(None, None)
    for seconds, left_out in ((60.0, False), (0.5, False), (30.0, True), (1.5, False)):
        speed._fetches = {}
        speed.before_run(None)
        if left_out:
            speed.leave_out()
        start, clock.now = clock.now, clock.now + seconds
        speed.after_run(None, tf.train.SessionRunValues(
            {'ready': start + seconds / 4}, None, None))
    assert speed.images_per_sec() == 8.0 and speed.images_per_sec(1) == 8 / 1.5
    assert speed.input_wait() == 0.25 and speed.seconds_per_run() == 1.0


def test_time_left_leaves_start_up_out(tmp_path):
    speed = throughput.Throughput(8)
    bar = progress.Progress(plan_lib.Plan(100, 10.0, 8, 10.0), str(tmp_path), speed, 10)
    bar._step = 10
    row = dict(ROW, step=10, epoch=1.0)
    assert 'left' not in bar._line(row)             # nothing but start-up was seen yet
    speed.seconds = [0.5, 1.5]
    assert bar._line(row).endswith('input wait 25%  1:30 left')


def lines(capfd, style, *calls):
    console.configure()
    made = log_styles.make(style)
    for name, arguments in calls:
        getattr(made, name)(*arguments)
    captured = capfd.readouterr()
    return captured.out.splitlines(), captured.err.splitlines()


def test_ascend_mobilenet_has_the_lines_of_its_readme(capfd):
    out, err = lines(capfd, 'ascend_mobilenet', ('step', [dict(ROW, step=73750)]),
                     ('restored', ['results/model.ckpt-125000']))
    line = ('step:73750  epoch:117.89251518342262 ips:11012.314306960132 loss:2.76953125  '
            'total_loss:3.094825029373169  lr:0.5281736254692078, '
            'train_accuracy:0.5798249840736389')
    assert out == [line]
    prefix = r'^I\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ '      # I0628 15:20:50.594920 281472846090256
    assert [re.sub(prefix, '', text) for text in err] == [
        'logger.py:42] ' + line,
        'INFO:tensorflow:loss = 3.094825, step = 73750',
        'basic_session_run_hooks.py:262] loss = 3.094825, step = 73750',
        'INFO:tensorflow:global_step...73750',
        'INFO:tensorflow:Restoring parameters from results/model.ckpt-125000',
        'saver.py:1284] Restoring parameters from results/model.ckpt-125000']
    assert [bool(re.match(prefix, text)) for text in err] == [True, False, True, False, False, True]


def test_mindspore_shows_the_cross_entropy_and_every_epoch(capfd):
    out, _ = lines(capfd, 'mindspore', ('step', [ROW]), ('epoch', [ROW]),
                   ('evaluation', [{'top_5_accuracy': 0.9, 'top_1_accuracy': 0.7}, 'a.ckpt']))
    assert out == ['epoch: 1 step: 1251, loss is 2.7695312',
                   'Epoch time: 146827.368, per step time: 117.368',
                   "result: {'top_5_accuracy': 0.9, 'top_1_accuracy': 0.7} ckpt=a.ckpt"]


def test_pytorch_has_the_newest_value_and_the_mean_of_the_epoch(capfd):
    out, _ = lines(capfd, 'pytorch', ('step', [dict(ROW, step=11, train_accuracy=0.5)]),
                   ('step', [dict(ROW, step=21, train_accuracy=1.0)]),
                   ('evaluation', [{'top_5_accuracy': 0.91, 'top_1_accuracy': 0.73045}, '']))
    assert out[1].split('\t') == [
        'Epoch: [0][  20/1251]', 'Time  0.117 ( 0.117)', 'Data  0.029 ( 0.029)',
        'Loss 2.7695e+00 (2.7695e+00)', 'Acc@1 100.00 ( 75.00)', 'Acc@5  80.00 ( 80.00)',
        'FPS 11012.31 (11012.31)']
    assert out[2] == ' * Acc@1 73.045 Acc@5 91.000'


def test_tensorflow_lines_agree_with_the_program_s_own(tmp_path, capfd):
    program.run(tmp_path, mode='train', train_steps=4, log_style='mindspore', num_train_images=16,
                log_step_count_steps=3)
    out = capfd.readouterr().out
    assert re.findall(r'epoch: (\d+) step: (\d+), loss is', out) == [
        ('1', '2'), ('2', '1'), ('2', '2')]
    assert len(re.findall(r'Epoch time: [\d.]+, per step time: [\d.]+', out)) == 2
    out, err = lines(capfd, 'tensorflow', ('step', [ROW]))
    assert out == [] and err == [
        'INFO:tensorflow:loss = 3.094825, step = 1251 (1.174 sec)',
        'INFO:tensorflow:global_step/sec: 8.52021']


@pytest.mark.skipif(not hasattr(threading, 'excepthook'), reason='Python 3.8')
def test_the_thread_that_writes_events_prints_no_trace(tmp_path, monkeypatch):
    """What it meets, as a full disk, is raised by flush() and told there."""
    printed = []
    monkeypatch.setattr(threading, 'excepthook', lambda happened: printed.append(
        happened.thread.name))
    of_tensorflow = events.writer(str(tmp_path)).event_writer._worker
    events.writer(str(tmp_path))        # installed once
    for name in (of_tensorflow.name, 'another'):
        thread = threading.Thread(target=lambda: 1 / 0, name=name)
        thread.start()
        thread.join()
    assert printed == ['another']
    tf.summary.FileWriterCache.clear()
