"""The built site as one book to print or to carry: `python -m tools.print_book pdf` or `epub`."""
