"""What a report tells of the images: which file each one is, their numbers and their sizes."""

import io

from common.errors import DataError
from input import example_order

# Sizes are those of so many images, spread over the data.
LOOKED_AT = 200


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


def _sizes(reader):
    from PIL import Image
    rows = list(reader.sample())
    sizes = []
    for path, record, data in rows[::-(-len(rows) // LOOKED_AT)]:
        try:
            encoded, _ = reader.image_and_label(path, record, data)
            with Image.open(io.BytesIO(encoded)) as image:
                sizes.append(image.size)
        except (DataError, OSError):
            continue        # it is counted where the evaluation left it out
    return sizes
