"""Class names of other scripts in pictures: their letters or their number, never a box."""

import numpy as np
import pytest

from estimator.drawing import fonts, grid

NAMES = ['caf\u00e9', '\u732b', '\u0642\u0637\u0629', '\U0001f408 cat', '\ud55c\uad6d']


@pytest.fixture(autouse=True)
def forgotten():
    """Each test finds its own fonts."""
    caches = [value for value in vars(fonts).values() if hasattr(value, 'cache_clear')]
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def ink(text):
    """Pixels of a text that are not white."""
    from PIL import Image
    image = Image.new('RGB', (200, 20), 'white')
    fonts.draw(image, (0, 0), text, 12, 'black')
    return int((np.asarray(image) < 128).any(-1).sum())


def test_a_name_without_letters_is_a_number_and_one_line_of_advice(monkeypatch, capsys):
    own = fonts._files()[:1]
    fonts._files.cache_clear()
    monkeypatch.setattr(fonts, '_files', lambda: own)
    assert fonts.name_of(NAMES, 0) == NAMES[0] and capsys.readouterr().err == ''
    assert [fonts.name_of(NAMES, index) for index in (1, 3, 4)] == ['class 1', 'class 3', 'class 4']
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and 'fonts-noto-cjk' in told[0] and 'color-emoji' in told[1]
    assert fonts.name_of(None, 7) == 'class 7' and fonts.name_of(['\u732b'], 0) == 'class 0'


def test_text_from_right_to_left_needs_a_layout(monkeypatch, capsys):
    if fonts._layout():
        assert fonts.name_of(NAMES, 2) == NAMES[2] and ink(NAMES[2]) > 10
    fonts.drawable.cache_clear()
    monkeypatch.setattr(fonts, '_layout', lambda: False)
    assert fonts.name_of(NAMES, 2) == 'class 2'
    assert 'libfribidi0' in capsys.readouterr().err


def test_what_is_drawable_is_drawn_and_no_two_letters_alike():
    """A missing letter would be the same box for both."""
    for one, other in (('\u732b', '\u72ac'), ('\U0001f408', '\U0001f415'), ('\u0642', '\u0637')):
        if not (fonts.drawable(one) and fonts.drawable(other)):
            continue
        from PIL import Image
        pictures = [Image.new('RGB', (30, 20), 'white') for _ in 'ab']
        for picture, letter in zip(pictures, (one, other)):
            fonts.draw(picture, (0, 0), letter, 12, 'black')
        assert ink(one) and pictures[0].tobytes() != pictures[1].tobytes()
    assert fonts.shortened('w' * 99, 12, 60).endswith('...')
    assert fonts.width(fonts.shortened('w' * 99, 12, 60), 12) <= 60


def test_pictures_without_a_font_have_no_text(monkeypatch, capsys):
    monkeypatch.setattr(fonts, '_files', lambda: ())
    caption = grid.caption(NAMES, 1, 0.5)
    assert grid.draw([np.zeros([8, 8, 3], np.uint8)], [caption], side=40).size == (60, 60)
    assert capsys.readouterr().err == ''


def test_grid_of_images():
    images = [np.full([8, 8, 3], 90 + index, np.uint8) for index in range(7)]
    captions = [grid.caption(NAMES, 0, 0.5, 0), grid.caption(NAMES, 0, 0.999, 1)] + [[]] * 5
    assert [len(lines) for lines in captions[:2]] == [1, 2] and captions[1][0][1] == grid.WRONG
    assert captions[1][0][0].startswith('100% ')
    sheet = grid.draw(images, captions, side=40, columns=4)
    assert sheet.size == (4 * 50 + 10, 2 * (40 + 32 + 10) + 10)
    assert sheet.getpixel((10 + 50 + 20, 30)) == (91, 91, 91)
