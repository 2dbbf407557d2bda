"""Which files are images, for the converter, --dataset=folder and --mode=predict alike.

A file is taken by its name (a row's extensions, or none at all) and judged by its bytes. The table
is docs/images.md, which a test keeps and tries with real files.
"""

import os
from collections import namedtuple

# pillow: its names of the format, () for what is refused; stored: what the converter writes.
ImageFormat = namedtuple('ImageFormat', 'name extensions pillow stored')

COPIED, REENCODED, REFUSED = 'its bytes', 'JPEG, quality 100', 'refused'
FORMATS = (
    ImageFormat('JPEG', ('.jpg', '.jpeg', '.jpe', '.jfif'), ('JPEG',), COPIED),
    ImageFormat('PNG', ('.png',), ('PNG',), REENCODED),
    ImageFormat('GIF', ('.gif',), ('GIF',), REENCODED),
    ImageFormat('BMP', ('.bmp', '.dib'), ('BMP', 'DIB'), REENCODED),
    ImageFormat('WebP', ('.webp',), ('WEBP',), REENCODED),
    ImageFormat('TIFF', ('.tif', '.tiff'), ('TIFF',), REENCODED),
    ImageFormat('PPM, PGM, PBM', ('.ppm', '.pgm', '.pbm'), ('PPM',), REENCODED),
    ImageFormat('HEIC, AVIF', ('.heic', '.heif', '.avif'), (), REFUSED),
    ImageFormat('JPEG 2000, JPEG XL', ('.jp2', '.j2k', '.jxl'), (), REFUSED),
    ImageFormat('SVG, PSD, camera raw', ('.svg', '.psd', '.dng', '.cr2', '.nef', '.arw'), (),
                REFUSED))
EXTENSIONS = tuple(extension for row in FORMATS for extension in row.extensions)
PILLOW = tuple(name for row in FORMATS for name in row.pillow)
READ = ', '.join(row.name for row in FORMATS if row.stored != REFUSED)

# An image of more is refused by its header: 12,000 x 12,000 is beyond it, 100-megapixel cameras
# are not.
MAX_PIXELS = 120_000_000

SYSTEM_FILES = ('thumbs.db', 'desktop.ini', '__macosx', 'icon\r')


def is_ignored(name):
    """Hidden files and those that file managers leave behind."""
    return name.startswith('.') or name.lower() in SYSTEM_FILES


def is_image_name(name):
    """Whether a file counts as an image: by its extension, or because it has none."""
    return name.lower().endswith(EXTENSIONS) or not os.path.splitext(name)[1]
