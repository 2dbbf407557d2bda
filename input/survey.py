"""What a report tells of the images: which file each one is, their numbers and their sizes."""

import io

from common.errors import DataError
from input import example_order

# Sizes are those of so many images, spread over the data: of a report, of a recipe.
LOOKED_AT = 200
GLANCED_AT = 32


def places(reader, params):
    """(path, record) of each example of an evaluation, in the order of its stream."""
    order = example_order.shards_and_records(
        [shard.count for shard in reader.shards], example_order.files_at_a_time(reader, params))
    return [reader.place(*one) for one in order]


def look(readers, rule):
    """{'sizes': [(width, height)] of some images, 'train_counts': {class: images} or {}}.

    readers: {split: reader or None}; rule: labels.LabelRule.
    """
    counts = readers['train'].label_counts() if readers.get('train') else {}
    found = {label - rule.offset + rule.background: number for label, number in counts.items()}
    reader = readers.get('eval') or readers.get('train')
    return {'sizes': _sizes(reader) if reader else [], 'train_counts': found}


def usual_side(source):
    """Median of the shorter sides of some training images in pixels, None when it is not known."""
    if source is None or source.train is None or not source.train.count:
        return None
    sides = sorted(min(size) for size in _sizes(source.train, GLANCED_AT))
    return sides[len(sides) // 2] if sides else None


def _sizes(reader, number=LOOKED_AT):
    try:
        from PIL import Image
    except ImportError:
        return []
    rows = list(reader.sample() if number == LOOKED_AT else reader.sample(number))
    sizes = []
    for path, record, data in rows[::-(-len(rows) // number)]:
        try:
            encoded, _ = reader.image_and_label(path, record, data)
            with Image.open(io.BytesIO(encoded)) as image:
                sizes.append(image.size)
        except (DataError, OSError):
            continue        # it is counted where the evaluation left it out
    return sizes
