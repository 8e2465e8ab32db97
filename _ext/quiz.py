"""Questions that a reader answers in the browser, without a kernel and without a script.

    :::{quiz}
    After a win with $\\alpha = 0.1$, where is a value that was 0.5?

    - [ ] at 0.6
      : That would be a move by the rate itself. The move is a share of the prediction error.
    - [x] at 0.55
      : The error is 0.5, and a tenth of it is 0.05.
    - [ ] …
    :::

What stands above the list is the question. Each option stands on one line and has a word in it, and `[x]`
marks the right one. The reason below it says why, and needs no "right" or "wrong", which is put before it. On
the site an option is a `<details>` that unfolds its reason.

For a writer of another format, a question is this tree:

    quiz
      container           the question: paragraphs, code, … The first paragraph begins with its number.
      quiz_option         one for each option, in order; option["right"] is True or False
        quiz_choice       what there is to choose, inline
        paragraph, …      the reason, which begins with "Right." or "Not quite."

A builder that can show folds is listed in `FOLDING`, and its writer visits these three nodes. For all others
a quiz becomes a question, a lettered list of options, and a container of class `quiz-answers`, in which the
reasons have the same letters.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

FOLDING = ("html", "dirhtml")
FEWEST_OPTIONS = 3

MARK = re.compile(r"\[([ xX])\]\s+")


class quiz(nodes.General, nodes.Element):
    """A question and its options."""


class quiz_option(nodes.General, nodes.Element):
    """What there is to choose, and why it is right or wrong."""


class quiz_choice(nodes.General, nodes.TextElement):
    """What there is to choose."""


class Quiz(SphinxDirective):
    """Make a quiz, or say on which page and line it is unfinished."""

    has_content = True

    def run(self):
        parsed = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, parsed)
        number = self.env.new_serialno("quiz") + 1
        try:
            return [take_apart(parsed.children, number)]
        except ValueError as problem:
            raise self.error(f"quiz: {problem}") from None


def take_apart(blocks, number):
    """Make the tree of a quiz from its parsed text."""
    *question, options = blocks or [None]
    if not isinstance(options, nodes.bullet_list):
        raise ValueError("it must end with a list of options, each of which begins with `[ ]` or `[x]`.")
    if not question or not isinstance(question[0], nodes.paragraph):
        raise ValueError("there is no question: write it above the options, beginning with a sentence.")
    options = [read_option(item) for item in options]
    if len(options) < FEWEST_OPTIONS:
        raise ValueError(f"it has {len(options)} options: write at least {FEWEST_OPTIONS}.")
    right = [option for option in options if option["right"]]
    if len(right) != 1:
        raise ValueError(f"{len(right)} of its options are marked as right: mark one of them with `[x]`.")
    question[0].insert(0, [nodes.strong("", f"{number}."), nodes.Text(" ")])
    label = f"quiz-question-{number}"
    return quiz("", nodes.container("", *question, classes=["quiz-question"], ids=[label]), *options)


def read_option(item):
    """Turn a list item, which holds an option and below it a definition, into a node."""
    described = item.next_node(nodes.definition_list_item)
    if described is None or len(item) != 1 or len(item[0]) != 1 or len(described) != 2:
        raise ValueError(
            f"the option {words_of(item)!r} is not explained, or more than once: write one reason on the "
            "line below it, after two spaces, a colon and a space. (The option itself stands on one line.)"
        )
    choice, reason = described
    mark = MARK.match(choice[0].astext())
    if mark is None:
        raise ValueError(f"the option {words_of(choice)!r} must begin with `[ ]` or with `[x]`.")
    choice[0] = nodes.Text(choice[0].astext()[mark.end() :])
    if not words_of(choice, nodes.math):
        raise ValueError(f"the option {words_of(choice)!r} is a formula alone: screen readers need a word.")
    right = mark[1] != " "
    verdict = nodes.strong("", "Right." if right else "Not quite.")
    if isinstance(reason[0], nodes.paragraph):
        reason[0].insert(0, [verdict, nodes.Text(" ")])
    else:
        reason.insert(0, nodes.paragraph("", "", verdict))
    return quiz_option("", quiz_choice("", "", *choice.children), *reason.children, right=right)


def words_of(node, leave_out=nodes.raw):
    """What stands in a node, but for one kind of its parts."""
    texts = (text.astext() for text in node.findall(nodes.Text) if not isinstance(text.parent, leave_out))
    return "".join(texts).strip()


class ForPaper(SphinxPostTransform):
    """Where nothing unfolds, list the options first and then the reasons."""

    default_priority = 8

    def run(self, **kwargs):
        if self.app.builder.name in FOLDING:
            return
        for node in list(self.document.findall(quiz)):
            question, *options = node.children
            choices = [nodes.paragraph("", "", *choice.children) for choice, *_ in options]
            reasons = [reason for _, *reason in options]
            title = nodes.paragraph("", "", nodes.strong("", "Answers"))
            answers = nodes.container("", title, lettered(reasons), classes=["quiz-answers"])
            node.replace_self([*question.children, lettered([[choice] for choice in choices]), answers])


def lettered(items):
    """Make a list of lists of nodes, whose items are called A, B, C, …"""
    listed = [nodes.list_item("", *blocks) for blocks in items]
    return nodes.enumerated_list("", *listed, enumtype="upperalpha", prefix="", suffix=".")


def visit_quiz(self, node):
    about = {"role": "group", "aria-labelledby": node[0]["ids"][0]}
    self.body.append(self.starttag(node, "div", CLASS="quiz", **about))


def depart_quiz(self, node):
    self.body.append("</div>\n")


def visit_option(self, node):
    kind = "right" if node["right"] else "wrong"
    self.body.append(self.starttag(node, "details", CLASS=f"quiz-option {kind}"))


def depart_option(self, node):
    self.body.append("</details>\n")


def visit_choice(self, node):
    self.body.append(self.starttag(node, "summary", ""))


def depart_choice(self, node):
    self.body.append("</summary>\n")


def setup(app):
    app.add_directive("quiz", Quiz)
    app.add_node(quiz, html=(visit_quiz, depart_quiz))
    app.add_node(quiz_option, html=(visit_option, depart_option))
    app.add_node(quiz_choice, html=(visit_choice, depart_choice))
    app.add_post_transform(ForPaper)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
