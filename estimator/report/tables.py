"""The CSV files of an evaluation: confusion.csv, per_class.csv, predictions.csv.

UTF-8; each is whole or absent. Classes are given by number and, where they have one, by name.
"""

import csv

from common import files

# Above so many classes confusion.csv lists the pairs that occur instead of the whole matrix.
MOST_CLASSES = 2000


def _write(path, head, rows):
    with files.written(path) as place, open(
            place, 'w', newline='', encoding='utf-8', errors='surrogateescape') as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        writer.writerows(rows)
    return path


def confusion(path, found, names):
    """A row an actual class, a column a predicted one; of more than 2000 classes the pairs."""
    if found.classes > MOST_CLASSES:
        return _write(path, ['class', 'name', 'predicted', 'predicted_name', 'images'],
                      ([label, names(label), guess, names(guess), count]
                       for label, guess, count in found.cells()))
    return _write(path, ['actual \\ predicted'] + [names(label) for label in range(found.classes)],
                  ([names(label)] + found.row(label).tolist() for label in range(found.classes)))


def per_class(path, found, names):
    """A row a class: images, right ones, accuracy (recall), precision, F1, the usual mistake."""
    def row(one):
        mostly = (names(one.mostly[0]), one.mostly[1]) if one.mostly else ('', '')
        return [one.label, names(one.label), one.images, one.right, one.predicted,
                _share(one.recall), _share(one.precision), _share(one.f1), *mostly]
    return _write(path, ['class', 'name', 'images', 'right', 'predicted', 'accuracy', 'precision',
                         'f1', 'mostly_taken_for', 'so_often'], map(row, found.per_class()))


def predictions(path, values, places, names):
    """A row an image, in the order of the data; places: (file, record) by position."""
    def row(position, label, guess, probability, of_label, top_5):
        file, record = places[position] if places else ('', '')
        return [position, file, record, label, names(label), guess, names(guess),
                _share(float(probability)), _share(float(of_label)), int(label == guess),
                int(top_5)]
    columns = ('position', 'label', 'guess', 'probability', 'label_probability', 'top_5')
    return _write(path, ['position', 'image', 'record', 'label', 'label_name', 'predicted',
                         'predicted_name', 'probability', 'label_probability', 'right',
                         'in_top_5'], (row(*one) for one in zip(
                             *(values[name].tolist() for name in columns))))


def _share(value):
    return '' if value is None else f'{value:.6f}'
