"""Which of the cells that a page hides its other cells need.

Cells tagged `remove-cell` glue numbers into the text and assert what it says. A notebook leaves them out. But
now and then one of them also makes what a later cell works with. To find these, go through the cells from the
last to the first, with the set of names that are still wanted.
"""

import ast
import symtable

from IPython.core.inputtransformer2 import TransformerManager


def needed_cells(cells):
    """Return those of the hidden cells without which a later cell would miss a name.

    Parameters
    ----------
    cells : list of (int, str, bool)
        Of each code cell its place, its source and whether it is shown.

    Returns
    -------
    dict of int to str
        Place and source of each hidden cell that is needed, without its assertions and without what glues.

    Examples
    --------
    >>> needed_cells([(0, "a = 1", False), (2, "b = 2\\nassert b", False), (3, "print(b)", True)])
    {2: 'b = 2'}
    """
    wanted, needed = set(), {}
    for place, source, is_shown in reversed(cells):
        statements = statements_of(source)
        if not is_shown:
            statements = [each for each in statements if not serves_the_page(each)]
        made, asked = names_in(statements)
        if is_shown or made & wanted:
            wanted = (wanted - made) | asked
            if not is_shown:
                needed[place] = "\n".join(map(ast.unparse, statements))
    return dict(sorted(needed.items()))


def statements_of(source):
    """Parse a cell, in which a line may be a command to IPython, such as `%time`."""
    return ast.parse(TransformerManager().transform_cell(source)).body


def serves_the_page(statement):
    """Whether a statement asserts something, or glues a number into the text."""
    from_myst = isinstance(statement, ast.ImportFrom) and statement.module == "myst_nb"
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return isinstance(statement, ast.Assert) or from_myst or "glue" in names


def names_in(statements):
    """Return the names that statements bind, and those that have to be bound before."""
    bound, asked = set(), set()
    for statement in statements:
        asked |= names_asked(statement) - bound
        bound |= {name.get_name() for name in table_of(statement).get_symbols() if is_bound(name)}
    return bound, asked


def names_asked(statement):
    """Return the names that a statement needs from before. Loops and `except … as` bind their own."""
    if not isinstance(statement, ast.For):
        caught = {node.name for node in ast.walk(statement) if isinstance(node, ast.ExceptHandler)}
        return names_read(table_of(statement)) - caught
    own = {node.id for node in ast.walk(statement.target) if isinstance(node, ast.Name)}
    return names_read(table_of(statement.iter)) | (names_in(statement.body)[1] - own)


def table_of(code):
    return symtable.symtable(ast.unparse(code), "a cell", "exec")


def names_read(table):
    """Return the names of the notebook that code reads, also those that its functions read."""
    outermost = table.get_type() == "module"
    referenced = [name for name in table.get_symbols() if name.is_referenced()]
    here = {name.get_name() for name in referenced if outermost or name.is_global()}
    return here.union(*map(names_read, table.get_children()))


def is_bound(name):
    return name.is_assigned() or name.is_imported() or name.is_namespace()
