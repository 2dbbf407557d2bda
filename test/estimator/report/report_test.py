"""The report of an evaluation: its numbers, its files, its page in a browser."""

import csv
import html.parser
import os
import re
import shutil
import subprocess
import types

import numpy as np
import program
import pytest

import flags
from estimator import curves as estimator_curves
from estimator import results, runner
from estimator.hooks.outcomes import Outcomes
from estimator.job import Job
from estimator.report import figures, numbers, write

pytestmark = pytest.mark.usefixtures('shallow')

CLASSES = ('\u732b', '\u0642\u0637\u0629', '\U0001f408', 'a<b & "c"')
BROWSER = next(filter(None, map(shutil.which, (
    'chromium', 'chromium-browser', 'google-chrome', 'chrome'))), None)


def rows_of(path):
    with open(str(path), newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def test_confusion_of_random_guesses():
    random = np.random.RandomState(0)
    labels, guesses = random.randint(0, 7, [2, 500])
    labels[labels == 5] = 4     # a class without images
    found = numbers.Confusion(labels, guesses, 7)
    expected = np.zeros([7, 7], int)
    for label, guess in zip(labels, guesses):
        expected[label, guess] += 1
    assert (np.stack([found.row(label) for label in range(7)]) == expected).all()
    assert (found.blocks(7) == expected).all() and found.blocks(3).shape == (3, 3)
    assert found.blocks(3)[0, 1] == expected[:3, 3:6].sum()
    counts = [count for _, _, count in found.mistakes()]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == expected.sum() - np.trace(expected)
    rows = list(found.per_class())
    assert rows[5].recall is None and rows[5].mostly is None and rows[5].predicted
    assert rows[2].recall == expected[2, 2] / expected[2].sum()
    assert rows[2].precision == expected[2, 2] / expected[:, 2].sum()
    assert rows[2].mostly[1] == np.delete(expected[2], 2).max()


def test_calibration_and_interval():
    found = numbers.calibration(np.array([.95, .95, .55, 1.0]), np.array([1, 0, 1, 1], bool))
    assert [(round(row.low, 1), row.images) for row in found.bins] == [(.5, 1), (.9, 3)]
    # |0.55 - 1| of one image, |2.9 - 2| of three
    assert found.error == pytest.approx((.45 + .9) / 4)
    # Wilson 1927, as tables have it for 8 of 10
    assert numbers.interval(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_ticks_are_round_and_inside():
    for low, high in ((0, 1), (0.037, 0.912), (2, 350), (-3e-5, 2e-4)):
        found = figures.ticks(low, high)
        assert 2 <= len(found) <= 8 and low - 1e-12 <= found[0] and found[-1] <= high + 1e-12


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A training on a folder of images whose classes have names of several scripts."""
    from PIL import Image
    root = tmp_path_factory.mktemp('report')
    random = np.random.RandomState(0)
    for name in CLASSES:
        os.makedirs(str(root / 'data' / name))
        for number in range(30):
            Image.fromarray(random.randint(0, 255, [6, 6, 3]).astype(np.uint8)).resize(
                (40, 30)).save(str(root / 'data' / name / f'{number}.png'))
    collected, honest = [], Job.evaluate

    def evaluate(job, prefix, collect=None):
        collected.append(collect is not None)
        return honest(job, prefix, collect)
    Job.evaluate = evaluate
    try:
        _, result = program.run(root / 'model', train_steps=4, steps_per_eval=2,
                                **of_the_folder(root))
    finally:
        Job.evaluate = honest
    return root, result, collected


def of_the_folder(root):
    """Flags for the images of the fixture."""
    return dict(dataset='folder', data_dir=root / 'data', num_label_classes='null',
                num_train_images='null', num_eval_images='null', holdout=0.5, label_smoothing=0)


def test_every_image_once_with_its_file_and_class(run):
    root, result, _ = run
    rows = rows_of(root / 'model' / 'predictions.csv')
    assert len(rows) == result['eval_examples'] == 60
    assert len({row['image'] for row in rows}) == 60
    for row in rows:
        assert os.path.basename(os.path.dirname(row['image'])) == row['label_name']
    hits = np.mean([int(row['right']) for row in rows])
    assert hits == pytest.approx(result['top_1_accuracy'])
    entropy = -np.mean([np.log(float(row['label_probability'])) for row in rows])
    assert entropy == pytest.approx(result['cross_entropy'], rel=1e-3)
    with open(str(root / 'model' / 'confusion.csv'), newline='', encoding='utf-8') as stream:
        head, *matrix = csv.reader(stream)
    assert head[1:] == [row[0] for row in matrix] == sorted(CLASSES)
    counts = np.array([row[1:] for row in matrix], int)
    assert np.trace(counts) == hits * 60 and (counts.sum(1) == 15).all()
    classes = rows_of(root / 'model' / 'per_class.csv')
    assert [float(row['accuracy']) for row in classes] == pytest.approx(
        list(np.diag(counts) / 15), abs=1e-6)


class Page(html.parser.HTMLParser):
    """Collects what a page refers to, and checks that its elements are closed."""

    OPEN = ('meta', 'img', 'br', 'polyline', 'circle', 'line')

    def __init__(self, text):
        super().__init__()
        self.addresses, self.tags, self._stack = [], [], []
        self.feed(text)
        assert self._stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ('src', 'href')]
        if tag not in self.OPEN:
            self._stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self._stack.pop() == tag


def test_page_stands_alone_and_says_all(run):
    root, result, _ = run
    text = (root / 'model' / 'report.html').read_text(encoding='utf-8')
    page = Page(text)
    assert page.addresses and all(one.startswith('data:image/') for one in page.addresses)
    assert not {'script', 'link', 'iframe', 'object'} & set(page.tags)
    assert not re.search(r'url\(|@import|https?:', text)
    for title in ('Overview', 'Curves', 'Classes', 'Confusion', 'mistakes', 'Calibration', 'Data',
                  'Run'):
        assert re.search(f'<h2>[^<]*{title}', text), title
    for name in CLASSES[:3]:
        assert f'<bdi>{name}</bdi>' in text
    assert 'a&lt;b &amp; &quot;c&quot;' in text and 'a<b' not in text
    assert '40x30' in text
    assert re.search('train_steps</bdi></td><td><bdi>4</bdi></td><td><bdi>command line<', text)
    mark = (root / 'model' / 'report.md').read_text(encoding='utf-8')
    assert f'{result["top_1_accuracy"]:.1%}' in mark and CLASSES[0] in mark
    assert 'a\\<b & "c"' in mark and '<svg' not in mark
    assert [os.path.basename(path) for path in result['report']] == [
        'report.html', 'report.md', 'confusion.csv', 'per_class.csv', 'predictions.csv']


def test_only_the_last_evaluation_of_a_training_collects(run):
    assert run[2] == [False, True]


def test_a_training_that_ends_early_is_evaluated_once_more(monkeypatch):
    asked, record = [], results.Record()
    job = types.SimpleNamespace(evaluate=lambda *given: asked.append(given) or {})
    monkeypatch.setattr(runner.report, 'write', lambda *_: ('report.html',))
    runner._report(job, record)         # nothing has been evaluated
    record.evaluation = {'checkpoint': 'model.ckpt-7'}
    for _ in range(2):
        runner._report(job, record)
    assert record.report == ('report.html',)
    assert [prefix for prefix, _ in asked] == ['model.ckpt-7']


@pytest.mark.slow
def test_two_devices_give_the_same_rows(run):
    root, result, _ = run
    one = rows_of(root / 'model' / 'predictions.csv')
    program.run(root / 'model', mode='eval', eval_name='two', num_devices=2,
                init_checkpoint=result['checkpoint'], eval_batch_size=7, **of_the_folder(root))
    two = rows_of(root / 'model' / 'predictions_two.csv')
    page = (root / 'model' / 'report_two.html').read_text(encoding='utf-8')
    assert re.search('train_steps</bdi></td><td><bdi>4</bdi></td><td><bdi>command line<', page)
    assert (root / 'model' / 'report_two.html').exists() and len(one) == len(two)
    for first, second in zip(one, two):
        same = [key for key in first if not key.endswith('probability')]
        assert [first[key] for key in same] == [second[key] for key in same]
        assert float(first['probability']) == pytest.approx(float(second['probability']), abs=1e-4)


def test_a_report_that_fails_costs_one_line(capsys, monkeypatch):
    def broken(*_):
        raise ValueError('no such thing\nsecond line')
    monkeypatch.setattr(write, '_write', broken)
    assert write.write(None, {}, None) == ()
    monkeypatch.undo()
    short = Outcomes()
    short.values = {'position': np.array([0, 1, 1])}        # one image twice
    assert write.write(None, {'eval_examples': 3}, short) == ()
    assert capsys.readouterr().err.splitlines() == [
        'WARNING: no report: no such thing',
        'WARNING: no report: 2 images were collected of 3']


def large(folder, classes=1000, images=50_000):
    """The report of made-up outcomes of ImageNet's size; paths of its files."""
    random = np.random.RandomState(0)
    label = np.arange(images) % classes
    guess = np.where(random.rand(images) < .76, label,
                     np.clip(label + random.randint(-9, 10, images), 0, classes - 1))
    sure = random.beta(5, 2, images)
    collected = Outcomes()
    collected.values = {
        'position': np.arange(images), 'label': label, 'guess': guess, 'probability': sure,
        'label_probability': np.where(guess == label, sure, (1 - sure) / 2),
        'top_5': np.ones(images, bool)}
    right = (label == guess).mean()
    about = {'source': '/data', 'num_train_images': 1281167, 'num_eval_images': images,
             'dataset_classes': classes, 'num_classes': classes, 'label_offset': 0,
             'label_offset_from': 'folders', 'preprocessing': 'torch', 'image_size': 224,
             'notes': []}
    inputs = types.SimpleNamespace(
        class_names=[f'class of number {i}' for i in range(classes)], num_classes=classes,
        name=lambda path, record: None,
        places=lambda: [('/data/%d' % (i // 400), i % 400) for i in range(images)],
        describe=lambda: about, survey=lambda: {'sizes': [(500, 375)] * 9, 'train_counts': {}},
        shown=lambda image: image)
    run = types.SimpleNamespace(device=types.SimpleNamespace(text='1 x cpu'),
                                precision=types.SimpleNamespace(text='float32'))
    job = types.SimpleNamespace(
        params=flags.make(model_dir=str(folder)), inputs=inputs, run=run, eval_seconds=60.0,
        network=types.SimpleNamespace(name='mixnet-s'),
        throughput=types.SimpleNamespace(images_per_sec=lambda: 0.0))
    metrics = {'top_1_accuracy': right, 'top_5_accuracy': 1.0, 'cross_entropy': 1.0,
               'eval_examples': images, 'checkpoint': f'{folder}/model.ckpt-7', 'weights': 'ema'}
    return write._write(job, metrics, collected)


def test_size_of_imagenet(tmp_path):
    paths = large(tmp_path)
    assert os.path.getsize(paths[0]) < 2e6
    assert len(rows_of(tmp_path / 'predictions.csv')) == 50_000
    assert len(rows_of(tmp_path / 'confusion.csv')) == 1000
    page = Page((tmp_path / 'report.html').read_text())
    assert page.addresses[0].startswith('data:image/png')     # the matrix, one point a class


def test_a_report_of_many_classes_lists_pairs(tmp_path):
    large(tmp_path, classes=2500, images=3000)
    rows = rows_of(tmp_path / 'confusion.csv')
    assert sum(int(row['images']) for row in rows) == 3000 and 'predicted' in rows[0]


@pytest.mark.skipif(not BROWSER, reason='no Chromium or Chrome is installed')
def test_page_in_a_browser(run, tmp_path):
    """It renders, as wide as the window, and asks nothing of the network."""
    if subprocess.run([BROWSER, '--version'], stdout=subprocess.PIPE).returncode:
        pytest.skip('the browser does not start here')      # as one that only names its package
    root = run[0]
    picture, log = tmp_path / 'page.png', tmp_path / 'net.json'
    done = subprocess.run(
        [BROWSER, '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
         f'--user-data-dir={tmp_path}/profile', '--disable-background-networking',
         f'--screenshot={picture}', '--window-size=1200,4000', f'--log-net-log={log}',
         f'file://{root}/model/report.html'],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200)
    assert done.returncode == 0 and picture.exists(), done.stderr[-2000:]
    from PIL import Image
    with Image.open(str(picture)) as image:
        pixels = np.asarray(image.convert('RGB'))
    assert pixels.shape[1] == 1200
    # Sections are white, right down to where the text of the last one begins.
    assert (pixels[:1500] == 255).all(-1).mean() > 0.5
    colours = {tuple(colour) for colour in pixels[::3, ::3].reshape(-1, 3)}
    assert len(colours) > 200           # pictures of mistakes, diagrams
    assert figures.TRAINING in {'#%02x%02x%02x' % colour for colour in colours}


def test_a_first_evaluation_of_8000_does_not_flatten_the_curves():
    training = [{'epoch': float(n), 'cross_entropy': 3.0 / n} for n in (1, 2, 3)]
    found = [{'epoch': 1.0, 'cross_entropy': 7978.8}, {'epoch': 2.0, 'cross_entropy': 1.25}]

    def highest(rows):
        drawn = figures.curves(training, rows, ('cross_entropy', 'cross_entropy'), 'loss', 0)
        return max(float(text) for text in re.findall(r'text-anchor="end">([^<]*)<', drawn))
    assert highest(found) == 8 and highest(found[1:]) == 3
    assert estimator_curves.highest([3.0, 1.0], [7978.8]) == 9
    assert estimator_curves.highest([3.0], [9.0]) is estimator_curves.highest([], [1.0]) is None


def test_rows_of_few_steps_are_not_drawn():
    rows = [{'step': step} for step in (30.0, 60.0, 90.0, 94.0, 120.0, 141.0, 150.0, 180.0, 182.0)]
    assert [row['step'] for row in estimator_curves.smooth(rows)] == [30, 60, 90, 120, 141, 180]
    assert estimator_curves.smooth([]) == [] and estimator_curves.smooth(rows[3:4]) == rows[3:4]
