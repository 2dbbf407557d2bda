"""What stands in a report, section by section; see page for the forms."""

import numpy as np

from common.console import duration
from estimator.report import figures, numbers
from estimator.report.page import Drawing, Table, Text

# Up to so many classes the matrix shows its numbers; up to so many pixels each class has its own.
READABLE, PIXELS = 25, 500
# Rows of a table that is not folded.
FEW = 12
TITLES = {'confident': 'Most confident mistakes', 'worst': 'Worst mistakes'}
MEANING = {'confident': 'Wrong, and sure of it: highest probability of a wrong class.',
           'worst': 'The right class got the lowest probability.'}


def share(value):
    """A share as a percentage; '-' for none."""
    return '-' if value is None else f'{value:.1%}'


def overview(metrics, confusion, calibration):
    """The numbers, large, and the two things that stand out."""
    count = metrics['eval_examples']
    low, high = numbers.interval(metrics['top_1_accuracy'], count)
    cards = [(share(metrics['top_1_accuracy']),
              f'top-1, 95 % interval {share(low)} to {share(high)}'),
             (share(metrics['top_5_accuracy']), 'top-5'),
             (f'{metrics["cross_entropy"]:.4f}', 'cross entropy'),
             (share(calibration.error), 'calibration error (ECE)'),
             (f'{count:,}', f'images of {confusion.classes} classes')]
    if confusion.classes <= 5:
        del cards[1]        # it cannot be wrong
    drawn = '<div class="cards">' + ''.join(
        f'<div class="card"><b>{figures.escaped(value)}</b><span>{figures.escaped(text)}</span>'
        '</div>' for value, text in cards) + '</div>'
    return [Drawing(drawn, '; '.join(f'{text}: {value}' for value, text in cards) + '.')]


def curves(training, evaluations):
    """Loss and accuracy of training and evaluation, and the learning rate."""
    drawn = [figures.curves(training, evaluations, ('cross_entropy', 'cross_entropy'),
                            'cross entropy'),
             figures.curves(training, evaluations, ('train_accuracy', 'top_1_accuracy'),
                            'top-1 accuracy', 0, 1),
             figures.curves(training, (), ('learning_rate', ''), 'learning rate', 0)]
    drawn = ''.join(f'<div>{one}</div>' for one in drawn if one)
    if not drawn:
        return []
    told = ('Training values are of augmented images, and means since the line before; both are '
            'in log.csv and eval.csv.')
    last = [(f'{row["step"]:.0f}', row['epoch'], share(row['top_1_accuracy']),
             f'{row["cross_entropy"]:.4f}', row['weights']) for row in evaluations[-10:]]
    table = Table(('step', 'epoch', 'top-1', 'cross entropy', 'weights'), last,
                  'The last evaluations' if len(evaluations) > 10 else 'All evaluations')
    return [Text(told), Drawing(f'<div class="side">{drawn}</div>')] + [table] * bool(last)


def classes(confusion, name):
    """Accuracy of each class: the weakest first, all of them folded."""
    rows = [row for row in confusion.per_class() if row.images]
    weakest = sorted(rows, key=lambda row: (row.recall, -row.images))
    head = ('class', 'images', 'right', 'accuracy', 'precision', 'F1', 'mostly taken for')

    def cells(row):
        mostly = f'{name(row.mostly[0])} ({row.mostly[1]})' if row.mostly else '-'
        return (name(row.label), row.images, row.right, share(row.recall), share(row.precision),
                share(row.f1), mostly)
    blocks = [Table(head, [cells(row) for row in weakest[:FEW]])]
    if len(weakest) > FEW:
        spread = np.percentile([row.recall for row in rows], [0, 25, 50, 75, 100])
        told = ', '.join(f'{text} {share(value)}' for text, value in zip(
            ('lowest', 'first quarter', 'median', 'third quarter', 'highest'), spread))
        blocks = [Text(f'Accuracy of the {len(rows)} classes: {told}. The {FEW} weakest:'), *blocks,
                  Table(head, [cells(row) for row in rows], f'All {len(rows)} classes')]
    unseen = confusion.classes - len(rows)
    return blocks + [Text(f'{unseen} classes have no evaluation image.')] * bool(unseen)


def confusions(confusion, name):
    """The matrix, with numbers or as a map, and the pairs that are confused most."""
    mistakes = confusion.mistakes()
    if confusion.classes <= READABLE:
        drawn = figures.matrix_table(confusion, [name(i) for i in range(confusion.classes)])
        told = 'A row is an actual class, a column what the network said.'
    else:
        matrix = confusion.blocks(PIXELS)
        drawn = figures.heat_map(matrix, 'confusion matrix')
        each = -(-confusion.classes // PIXELS)
        told = ('A row from the top is an actual class, a column what the network said, both in '
                'the order of their numbers; green where that is right, red where wrong, the '
                'darker the more images.'
                + (f' A point is {each} by {each} classes.' if each > 1 else ''))
    pairs = [(name(label), name(guess), count, share(count / confusion.images[label]))
             for label, guess, count in mistakes]
    table = Table(('is', 'taken for', 'images', 'of its class'), pairs[:FEW])
    shown = 'All' if len(pairs) <= 200 else 'The 200 most frequent of'
    more = Table(table.head, pairs[:200], f'{shown} {len(pairs)} confused pairs')
    return [Text(told + ' All counts are in confusion.csv.'), Drawing(drawn),
            Text('Confused most often:' if pairs else 'Nothing was confused.'),
            *[table] * bool(pairs), *[more] * (len(pairs) > FEW)]


def mistakes(kind, rows):
    """Pictures of mistakes; rows: (pixels, guess, its probability, label, its one, place)."""
    figure = ''.join(
        f'<figure>{figures.photograph(pixels)}<span class="wrong">{share(sure)} '
        f'<bdi>{figures.escaped(guess)}</bdi></span><br>is <bdi>{figures.escaped(label)}</bdi> '
        f'({share(of_label)})<br><small>{figures.escaped(place)}</small></figure>'
        for pixels, guess, sure, label, of_label, place in rows)
    table = Table(('image', 'taken for', 'probability', 'is', 'probability of that'), [
        (place, guess, share(sure), label, share(of_label))
        for _, guess, sure, label, of_label, place in rows], 'As a list')
    return TITLES[kind], [Text(MEANING[kind] + ' As the network saw them.'),
                          Drawing(f'<div class="photos">{figure}</div>'), table]


def calibrated(found):
    """Whether probabilities can be believed."""
    gap = found.confidence - found.accuracy
    word = ('about as sure as it is right' if abs(gap) < 0.01 else
            f'{"too sure" if gap > 0 else "not sure enough"}, by {share(abs(gap))}')
    return [Text(f'The network says its first choice with {share(found.confidence)} on average '
                 f'and is right in {share(found.accuracy)}: {word}. Expected calibration error '
                 f'{share(found.error)}, in bins of 10 %.'),
            Drawing(f'<div class="side"><div>{figures.reliability(found)}</div></div>'),
            Table(('probability', 'images', 'mean probability', 'accuracy'), [
                (f'{row.low:.0%} to {row.high:.0%}', row.images, share(row.confidence),
                 share(row.accuracy)) for row in found.bins], 'As a table')]


def data(about, survey, confusion, name, left_out):
    """Where the images come from, how many of each class, how large; what could not be read."""
    rows = [('source', about['source']), ('training images', f'{about["num_train_images"]:,}'),
            ('evaluation images', f'{about["num_eval_images"]:,}'),
            ('classes', about['dataset_classes']),
            ('preprocessing', f'{about["preprocessing"]} at {about["image_size"]} pixels'),
            ('label offset', f'{about["label_offset"]} ({about["label_offset_from"]})')]
    rows += [('note', note) for note in about['notes']]
    if survey['sizes']:
        sides = sorted(survey['sizes'], key=lambda size: size[0] * size[1])
        chosen = sides[0], sides[len(sides) // 2], sides[-1]
        small, middle, large = (f'{w}x{h}' for w, h in chosen)
        rows.append((f'size of {len(sides)} images looked at',
                     f'{small} smallest, {middle} median, {large} largest'))
    rows.append(('unreadable in this evaluation', f'{len(left_out)} images'
                 + ''.join(f'; {one}' for one in left_out[:FEW])))
    known = survey['train_counts']
    table = Table(('class', 'training images', 'evaluation images'), [
        (name(label), known.get(label, 0) if known else '-', int(confusion.images[label]))
        for label in range(confusion.classes)],
        f'Images of each of the {confusion.classes} classes')
    note = [] if known else [Text('How many training images each class has is not known without '
                                  'reading all records; a folder of images tells.')]
    return [Table(('', ''), rows), *note, table]


def run(facts, whose, flags):
    """facts: [(what, value)]; flags: [(name, value, source)], the chosen ones first by source."""
    chosen = [row for row in flags if row[2] not in ('default', 'program')]
    return [Table(('', ''), facts),
            Table(('flag', 'value', 'source'), chosen,
                  f'{len(chosen)} flags {whose} that are not at their default, with their sources'),
            Table(('flag', 'value', 'source'), flags, f'All {len(flags)} flags {whose}')]


def timing(seconds, images):
    """Speed of an evaluation in words."""
    return (f'{duration(seconds)}, with its start; {images / max(seconds, 1e-9):,.1f} images a '
            'second of that')
