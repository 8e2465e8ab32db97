"""The instructor's guide can be followed: its minutes add up, and what it names is there."""

import importlib.util
import re
import shutil
from functools import cache
from pathlib import Path
from string import Template

import pytest
import yaml

from tools.workshop import contents
from tools.workshop.targets import targets

ROOT = Path(__file__).parent.parent
LONGEST = 100  # minutes that people sit before there is a break


def read(name):
    return (ROOT / name).read_text(encoding="utf8")


GUIDE = read("back_matter/instructors_guide.md")
TEACH = read("intro.md").split("\n(teach)=\n")[1].split("\n## Next step")[0]
STICK = read("tools/workshop/stick/READ_ME_FIRST.txt")
BLOCKS = re.findall(r"^```\w+\n(.*?)^```", GUIDE, flags=re.MULTILINE | re.DOTALL)
INLINE = re.findall(r"(?<![`}])`([^`\n]+)`", GUIDE)  # and no role
BREAKS = ("break", "lunch", "end", "homework")

CHAPTERS = {int(path.name[:2]): path for path in sorted((ROOT / "chapters").glob("*.md"))}


@cache
def headings(number):
    """The headings of a chapter. What stands in fences is code, in which `#` begins a comment."""
    prose = re.sub(r"^```.*?^```", "", read(CHAPTERS[number]), flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^##+ (.+?)\s*$", prose, flags=re.MULTILINE))


class Row:
    """A line of a schedule."""

    def __init__(self, schedule, line, week):
        line = re.sub(r"\{\w+\}`([^<`]+?)\s*<[^`]*>`", r"\1", line)  # of a link, what it shows
        first, minutes, self.chapter, _, self.sections = map(str.strip, line.strip("|").split("|"))
        self.start = first if ":" in first else ""
        self.week = first or week
        self.minutes = int(minutes or 0)
        self.name = f"{schedule}, {self.start or f'week {self.week}'}, {self.chapter}"

    @property
    def clock(self):
        hours, minutes = self.start.split(":")
        return 60 * int(hours) + int(minutes)

    @property
    def numbers(self):
        """The chapters that it is about. What runs meanwhile, in breaks or at home stands in the text."""
        meanwhile = self.sections if self.chapter in BREAKS else self.sections.partition(";")[2]
        return [int(number) for number in re.findall(r"\d+", f"{self.chapter} {meanwhile}")]


def schedule(title):
    """The rows of the table under a heading."""
    table = GUIDE.split(f"\n### {title}\n")[1].split("\n#")[0]
    rows, week = [], ""
    for line in [line for line in table.splitlines() if line.startswith("|")][2:]:
        rows.append(Row(title, line, week))
        week = rows[-1].week
    return rows


TITLES = re.findall(r"^### (.+)$", GUIDE.split("## Three schedules")[1].split("\n## ")[0], flags=re.MULTILINE)
SCHEDULES = {title: schedule(title) for title in TITLES}
BY_CLOCK = [title for title, rows in SCHEDULES.items() if rows[0].start]
BY_WEEK = [title for title in TITLES if title not in BY_CLOCK]
ROWS = [row for rows in SCHEDULES.values() for row in rows]


def each(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


# The schedules


def test_there_are_schedules_by_the_clock_and_by_the_week():
    assert BY_CLOCK == ["Half a day", "One day"] and BY_WEEK == ["Four weeks"]


@each([row for row in ROWS if row.chapter not in BREAKS])
def test_the_minutes_in_brackets_add_up_to_those_of_the_row(row):
    assert sum(int(minutes) for minutes in re.findall(r"\((\d+)\)", row.sections)) == row.minutes


@pytest.mark.parametrize("title", BY_CLOCK)
def test_each_row_begins_when_the_one_before_it_ends(title):
    rows = SCHEDULES[title]
    assert [row.clock for row in rows[1:]] == [row.clock + row.minutes for row in rows[:-1]]


@pytest.mark.parametrize(["title", "hours"], [("Half a day", 4), ("One day", 8)])
def test_a_schedule_takes_as_long_as_it_says(title, hours):
    assert SCHEDULES[title][-1].chapter == "end"
    assert SCHEDULES[title][-1].clock - SCHEDULES[title][0].clock == 60 * hours


def test_half_a_day_without_installing_build_and_the_second_break_takes_as_long_as_the_guide_says():
    """Three and a half hours."""
    rows = SCHEDULES["Half a day"]
    of = lambda part: sum(int(n) for row in rows for n in re.findall(rf"{part} \((\d+)\)", row.sections))
    last_break = [row.minutes for row in rows if row.chapter == "break"][1]
    assert rows[-1].clock - of("start the installer") - of(r"\*Build\*") - last_break == 210


@pytest.mark.parametrize("title", BY_CLOCK)
def test_nobody_sits_for_long_without_a_break(title):
    rows = SCHEDULES[title]
    free = [row for row in rows if row.chapter in BREAKS]
    sat = [b.clock - a for a, b in zip([rows[0].clock, *(row.clock + row.minutes for row in free)], free)]
    assert max(sat) <= LONGEST


@pytest.mark.parametrize("title", BY_WEEK)
def test_each_week_takes_ninety_minutes(title):
    weeks = {}
    for row in SCHEDULES[title]:
        weeks[row.week] = weeks.get(row.week, 0) + row.minutes
    assert weeks == dict.fromkeys("1234", 90)


@each([row for row in ROWS if "*" in row.sections])
def test_the_sections_that_a_row_names_are_headings_of_its_chapter(row):
    there = set().union(*(headings(number) for number in row.numbers))
    assert set(re.findall(r"\*(.+?)\*", row.sections)) <= there


@each([row for row in ROWS if re.search(r"slider|ball|steps of the loop", row.sections)])
def test_what_is_moved_in_a_row_moves_in_its_chapter(row):
    assert any(":figclass: moving" in read(CHAPTERS[number]) for number in row.numbers)


@pytest.mark.parametrize("title", TITLES)
def test_every_schedule_has_time_or_homework_for_a_function_with_a_checker(title):
    assert any("*Build*" in row.sections for row in SCHEDULES[title])


@pytest.mark.parametrize("title", TITLES)
def test_every_schedule_has_minutes_for_installing(title):
    assert re.search(r"start the installer \(\d+\)", SCHEDULES[title][0].sections)


@pytest.mark.parametrize(["number", "file"], re.findall(r"\{doc\}`(\d+) <\.\./(\S+)>`", GUIDE))
def test_a_number_links_to_the_chapter_that_has_it(number, file):
    assert CHAPTERS[int(number)] == ROOT / f"{file}.md"


# What the text names


@pytest.mark.parametrize("number", sorted({int(n) for n in re.findall(r"\*[^*]+\* in chapter (\d+)", GUIDE)}))
def test_a_section_named_in_the_text_is_a_heading_of_its_chapter(number):
    assert set(re.findall(rf"\*([^*]+)\* in chapter {number}\b", GUIDE)) <= headings(number)


@pytest.mark.parametrize("title", re.findall(r"README's\s+section \*(.+?)\*", GUIDE))
def test_a_section_of_the_readme_is_there(title):
    assert f"\n## {title}\n" in read("README.md")


@pytest.mark.parametrize("number", CHAPTERS)
def test_every_chapter_has_the_box_with_its_run_time(number):
    """The guide tells everybody to look there."""
    box = read(CHAPTERS[number]).split("\n:::{admonition} Before you start\n")[1].split("\n:::\n")[0]
    assert "{run-time}`page`" in box


@pytest.mark.parametrize("text", [GUIDE, TEACH], ids=["guide", "landing page"])
def test_every_make_target_is_in_the_makefile(text):
    named = set(re.findall(r"(?:`|^)make ([\w-]+)", text, flags=re.MULTILINE))
    assert named and named <= set(re.findall(r"^([\w-]+(?: [\w-]+)*):", read("Makefile"), flags=re.MULTILINE))


def test_the_workshop_is_made_for_laptops_that_exist():
    chosen = re.search(r'make workshop PLATFORMS="(.+?)" PYTHONS="(.+?)"', GUIDE)
    assert targets(chosen[1], chosen[2])


def test_a_workshop_is_made_with_the_variables_of_the_makefile():
    recipe = read("Makefile").split("\nworkshop:")[1].split("\n\n")[0]
    assert {"PLATFORMS", "PYTHONS"} <= set(re.findall(r"\$\((\w+)\)", recipe))


@pytest.fixture(scope="module")
def stick(tmp_path_factory):
    """The folder for the laptops, with pages that are empty and without packages."""
    root, folder = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("stick") / "course"
    parts = yaml.safe_load(read("_toc.yml"))["parts"]
    pages = [entry["file"] for part in parts for entry in part["chapters"]]
    files = [f"html/{page}.html" for page in [*pages, "index"]]
    files += [f"notebooks/learner/{page}.ipynb" for page in pages if page.startswith("chapters/")]
    for path in [root / "_build" / file for file in files]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in ("requirements.txt", "LICENSE"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "LICENSES", root / "LICENSES")
    contents.lay_out(root, folder)
    return folder


A_FILE = re.compile(r"(?:[\w.]+/)*\w+\.(?:html|txt|bat|sh|py|ipynb)\b")
BUILT = sorted({name for name in INLINE if name.startswith("_build/")})
ON_STICK = sorted(set(A_FILE.findall("\n".join(set(INLINE) - set(BUILT)))))


@pytest.mark.parametrize("path", BUILT)
def test_a_folder_that_is_built_is_one_that_a_tool_writes(path):
    tools = [read("Makefile"), *(file.read_text() for file in (ROOT / "tools" / "workshop").glob("*.py"))]
    in_python = " / ".join(f'"{part}"' for part in path.split("/"))
    assert any(path in text or in_python in text for text in tools)


@pytest.mark.parametrize("path", ON_STICK)
def test_a_file_that_the_guide_names_is_on_the_stick(path, stick):
    assert (stick / path).exists()


@pytest.mark.parametrize("path", sorted(set(A_FILE.findall(STICK))))
def test_a_file_that_read_me_first_names_is_on_the_stick(path, stick):
    assert (stick / path).exists() or (stick / "notebooks" / path).exists()


def test_read_me_first_says_what_to_play_and_where_to_begin():
    assert {"website/play.html", "website/index.html"} <= set(A_FILE.findall(STICK))


def test_read_me_first_is_a_template_that_can_be_filled_in():
    assert set(Template(STICK).get_identifiers()) == {"version", "platforms", "pythons"}


@pytest.mark.parametrize("module", sorted(set(re.findall(r"-m ([\w.]+)", GUIDE))))
def test_a_program_that_python_is_to_run_is_there(module):
    assert importlib.util.find_spec(module)


def test_the_doctor_says_what_the_guide_waits_for(monkeypatch, capsys):
    from rwlib import doctor

    monkeypatch.setattr(doctor, "diagnose", lambda: iter(()))  # nothing is wrong
    doctor.main()
    assert re.search(r"it, or says \*(.+?)\*", GUIDE.replace("\n", " "))[1] in capsys.readouterr().out


def test_the_button_that_hands_out_the_file_is_on_the_page():
    button = re.search(r"player presses\s+\*(.+?)\*", GUIDE)[1]
    assert f">{button}<" in read("_static/play_results.js")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\brwlib\.(\w+)", GUIDE)) - {"doctor"}))
def test_what_the_guide_takes_from_rwlib_is_there(name):
    import rwlib

    assert hasattr(rwlib, name)


def test_the_rehearsal_simulates_a_class_that_has_played(monkeypatch):
    import rwlib

    fitted = []
    monkeypatch.setattr(rwlib, "fit", lambda data, seed: fitted.append(data))
    (rehearsal,) = [block for block in BLOCKS if "%time" in block]
    exec(rehearsal.replace("%time ", ""), {})
    n_trials = int(re.search(r"N_TRIALS = (\d+)", read("_static/play_task.js"))[1])
    assert fitted[0].choices.shape == (30, n_trials) and fitted[0].n_actions == len(rwlib.FIVE_ARMS)
