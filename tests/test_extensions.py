"""The book's own Sphinx extensions, as far as they can be tried without building the book."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_ext"))

import about_pages  # noqa: E402
import course  # noqa: E402
import tidy_pages  # noqa: E402

CODE = "def double(x):\n    return 2 * x\n"


@pytest.fixture
def book(tmp_path):
    (tmp_path / "rwlib").mkdir()
    (tmp_path / "studies").mkdir()
    (tmp_path / "rwlib" / "module.py").write_text(CODE)
    (tmp_path / "studies" / "study.csv").write_text("x\n1\n")
    (tmp_path / "requirements.txt").write_text("jax==1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("rwlib/module.py", CODE.replace("2", "3")),
        ("rwlib/another.py", ""),
        ("rwlib/module.py", CODE + '"""Not a docstring, since it stands at the end."""\n'),
        ("studies/study.csv", "x\n2\n"),
        ("requirements.txt", "jax==2\n"),
    ],
)
def test_pages_are_executed_again_when_what_they_read_changes(book, file, text):
    before = course.cache_key(book)
    (book / file).write_text(text)
    assert course.cache_key(book) != before


def test_words_about_code_execute_no_page_again(book):
    before = course.cache_key(book)
    words = '"""A module."""\n\n\ndef double(x):\n    """Twice x."""\n    return 2 * x  # of any number\n'
    (book / "rwlib" / "module.py").write_text(words)
    assert course.cache_key(book) == before


def test_reading_takes_as_long_as_words_and_visible_code_say():
    cell = "```{code-cell} ipython3\nx = 1\n```\n"
    hidden = "```{code-cell} ipython3\n:tags: [hide-input]\nx = 1\n```\n"
    page = "---\nkernelspec: {}\n---\n# Title\n" + "word " * 599 + "\n" + 30 * cell + 300 * hidden
    assert about_pages.minutes_to_read(page) == 4  # 600 words and 30 lines
    assert about_pages.minutes_to_read(page + "\n## Exercises\n" + "word " * 2000) == 4


def test_a_preview_of_a_page_shows_a_picture_that_it_can_show():
    config = SimpleNamespace(html_baseurl="https://example.org/course", html_title="The course")
    tidy_pages.say_where_the_site_stands(None, config)
    picture = ROOT / config.ogp_social_cards["image"]
    assert config.ogp_social_cards["enable"] and picture.read_bytes().startswith(b"\x89PNG")
    assert config.ogp_site_name == "The course"
