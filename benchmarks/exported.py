"""Milliseconds an image of exported files and of their checkpoint, one image at a time.

    python benchmarks/exported.py EXPORT_DIR [EXPORT_DIR ...] [--threads=1,2]

Prints a table in Markdown: file, size, how often it names the checkpoint's class, milliseconds an
image (the median of RUNS after WARM_UP) for each number of threads. The folders are those of
--mode=export.
"""

import json
import os
import sys
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

WARM_UP, RUNS = 5, 40


def milliseconds(run, image):
    """Median time of a call with one image."""
    spent = []
    for _ in range(WARM_UP + RUNS):
        start = time.perf_counter()
        run(image)
        spent.append(time.perf_counter() - start)
    return 1000 * float(np.median(spent[WARM_UP:]))


def checkpoint(card, threads):
    """Function images -> logits of the checkpoint that a model card names, by TensorFlow."""
    import tensorflow.compat.v1 as tf

    from models import get_network
    network, size = get_network(card['model_name']), card['flags']['input_image_size']
    session = tf.Session(graph=tf.Graph(), config=tf.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads))
    with session.graph.as_default():
        images = tf.placeholder(tf.float32, [None, size, size, 3])
        logits, _ = network.build(images, training=False, device='cpu', **card['arguments'])
        tf.train.Saver(network.model_variables()).restore(session, card['checkpoint']['path'])
    return session.make_callable(logits, [images])


def rows(folder, threads):
    """Cells of the lines of a folder's table."""
    from estimator.modes.exports import runtimes
    with open(os.path.join(folder, 'model.json'), encoding='utf-8') as stream:
        card = json.load(stream)
    size, name = card['flags']['input_image_size'], card['model_name']
    image = np.random.RandomState(0).normal(size=(1, size, size, 3)).astype(np.float32)
    yield [name, 'checkpoint', '', ''] + [
        f'{milliseconds(checkpoint(card, number), image):.1f}' for number in threads]
    for file, told in card['files'].items():
        path = os.path.join(folder, file)
        times = [f'{milliseconds(runtimes.open_file(path, number), image):.1f}'
                 for number in threads]
        yield [name, told['format'], f'{told["bytes"] / 1e6:.2f} MB',
               f'{told["top_1_agreement"]:.1%} of {told["images"]}'] + times


def main(words):
    """Prints the table."""
    import tensorflow.compat.v1 as tf
    tf.disable_v2_behavior()
    tf.enable_resource_variables()
    threads = [1, 2]
    for word in [word for word in words if word.startswith('--threads=')]:
        threads = [int(number) for number in word.split('=')[1].split(',')]
    head = ['network', 'format', 'size', 'same class'] + [f'ms, {n} thread(s)' for n in threads]
    lines = [head, ['---'] * len(head)]
    for folder in words:
        lines += [] if folder.startswith('--') else rows(folder, threads)
    sys.stdout.write('\n'.join(f'| {" | ".join(cells)} |' for cells in lines) + '\n')


if __name__ == '__main__':
    main(sys.argv[1:])
