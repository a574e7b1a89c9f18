from tests.unit.edge.core.call_tables import PAGE, TABLES, redrawn


def test_the_page_on_calls_says_what_the_code_does():
    page = PAGE.read_text()
    assert redrawn(page) == page, "python -m tests.unit.edge.core.call_tables draws docs/calls.md anew"


def test_the_page_has_every_table():
    page = PAGE.read_text()
    assert [name for name in TABLES if f"<!-- table: {name} -->" not in page] == []
