"""Converts a folder of images to TFRecords, and verifies TFRecords.

    python convert_tfrecord.py --input_dir=photos --output_dir=records
    python convert_tfrecord.py --verify records

Reads root/<class>/<images>, root/{train,val,test}/<class>/<images>, ImageNet (train/<synset>/ and a
flat validation/ with synset_labels.txt) and CIFAR-10's binary files; where there is no validation
split, a tenth of each class becomes one. Good RGB and gray JPEG files are copied untouched; CMYK
and rotated JPEG, PNG and others are re-encoded as JPEG, by content (docs/images.md). An interrupted
conversion goes on when the same command is typed again. Several hosts: --part=K/N, then --merge.

Exit codes: 0 done, 2 bad flags, 3 bad data, 75 interrupted and resumable.
"""

import argparse
import sys

from common import console, missing, signals

if __name__ == '__main__':
    console.own_streams()
    signals.install()       # before the slower imports
    missing.tell()

from common.errors import DataError
from common.names import nearest
from input.convert import conversion, parallel, parts, verify
from input.images import formats


def _count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text}: 1 or more')
    return value


def _fraction(text):
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f'{text}: 0 to less than 1')
    return value


def _seed(text):
    value = int(text)
    if not 0 <= value < 1 << 32:
        raise argparse.ArgumentTypeError(f'{text}: 0 to 2^32 - 1')
    return value


def _part(text):
    try:
        return parts.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error))


# flag, settings
OPTIONS = (
    ('input_dir', dict(metavar='DIR', help='folder of images')),
    ('output_dir', dict(metavar='DIR', help='folder for the TFRecords')),
    ('split', dict(choices=conversion.SPLITS + ('all',), default='all', help='what to write')),
    ('shards', dict(type=_count, metavar='N',
                    help='train shards (default: by size, about 150 MB each, at most 1024)')),
    ('validation_shards', dict(type=_count, metavar='N',
                               help='validation shards (default: by size, at most 128)')),
    ('workers', dict(type=_count, metavar='N', help='processes (default: one a core)')),
    ('on_bad_image', dict(choices=conversion.POLICIES, default='fail',
                          help='fail: stop at a truncated file or one that is no image; skip: '
                               'leave it out; reencode: keep what a truncated one still holds')),
    ('label_offset', dict(type=int, choices=(0, 1),
                          help='label of the first class (default: 1 for ImageNet, otherwise 0)')),
    ('validation_labels', dict(metavar='FILE', help='classes of a flat validation folder, a line '
                               'an image in the order of the names')),
    ('seed', dict(type=_seed, default=0, metavar='N', help='of the shuffling and the holdout')),
    ('holdout', dict(type=_fraction, metavar='FRACTION',
                     help='part of each class that becomes validation where there is one split '
                          'only (default 0.1; 0: none)')),
    ('exif', dict(choices=('apply', 'ignore'),
                  help='turn images the way up that EXIF says (default: apply; ImageNet: ignore)')),
    ('max_pixels', dict(type=_count, default=formats.MAX_PIXELS, metavar='N',
                        help='refuse images of more pixels, by their headers (default '
                             f'{formats.MAX_PIXELS})')),
    ('part', dict(type=_part, metavar='K/N', help='write only the K-th of N parts, on this host')),
    ('merge', dict(metavar='DIR', help='check and publish the parts that were written to DIR')),
    ('verify', dict(metavar='DIR', help='check every record of DIR instead of converting')),
)


def parse(argv):
    """Namespace of the options; exits with 2 and the nearest name for an unknown one."""
    parser = argparse.ArgumentParser(
        prog='convert_tfrecord.py', description=__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, settings in OPTIONS:
        parser.add_argument(f'--{name}', **settings)
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        names = [f'--{name}' for name, _ in OPTIONS] + ['--help']
        near = nearest(unknown[0].split('=')[0], names)
        hint = f'; did you mean {near[0]}?' if near else f'; options: {", ".join(names)}'
        parser.error(f'unknown option {unknown[0]}{hint}')
    alone = [name for name in ('verify', 'merge') if getattr(given, name)]
    if alone and (given.input_dir or given.output_dir or len(alone) == 2):
        parser.error(f'--{alone[0]} DIR stands alone, without --input_dir and --output_dir')
    for name in ('input_dir', 'output_dir'):
        if not alone and not getattr(given, name):
            parser.error(f'--{name}=DIR is needed (or --verify DIR)')
    return given


def main(argv):
    """Runs the command; returns the exit code."""
    given = parse(argv)
    try:
        if given.verify:
            return verify.report(given.verify, given.workers, given.max_pixels)
        if given.merge:
            parts.merge(given.merge, given.workers)
            return 0
        conversion.convert(conversion.Options(
            **{name: getattr(given, name) for name in conversion.Options._fields}))
        return 0
    except (DataError, parallel.Stopped) as error:
        again = '. Type the same command again to go on' if error.exit_code == 75 else ''
        print(f'ERROR: {error}{again}', file=sys.stderr, flush=True)
        return error.exit_code


if __name__ == '__main__':
    code = main(sys.argv[1:])
    signals.over()
    sys.exit(code)
