"""Decks: HTML pages that a task leaves behind, shown in the console beside it.

``enable_deck=True`` asks for them. flytekit adds some of its own, of which ``deck_fields`` is a choice; a
task adds more by appending HTML to a deck.
"""

import pandas as pd
from flytekit import Deck, task, workflow
from flytekit.deck import DeckField, MarkdownRenderer, TopFrameRenderer


@task(enable_deck=True, deck_fields=(DeckField.INPUT, DeckField.OUTPUT, DeckField.TIMELINE))
def show(rows: int) -> float:
    """A deck called "Squares" with a heading and a table, and the result as usual."""
    table = pd.DataFrame({"n": range(rows), "square": [n * n for n in range(rows)]})
    deck = Deck("Squares", MarkdownRenderer().to_html(f"# The first {rows} squares"))
    deck.append(TopFrameRenderer().to_html(table))
    return float(table.square.sum())


@workflow
def decks_wf(rows: int = 4) -> float:
    """Show squares in a deck.

    :param rows: how many.
    :return: their sum.
    """
    return show(rows=rows)
