"""Which edges a change concerns: two statements for a change, however many things and edges there are."""

from typing import Final

from sqlalchemy import Connection, text

_SEES: Final = """
    (e.whole
     OR NOT EXISTS (SELECT 1 FROM item_building b
                    WHERE b.community = i.community AND b.kind = i.kind AND b.id = i.id)
     OR EXISTS (SELECT 1 FROM item_building b JOIN edge_building s ON s.edge = e.id AND s.building = b.building
                WHERE b.community = i.community AND b.kind = i.kind AND b.id = i.id))
"""

# What an edge sees of the change. The SELECT's WHERE is also what SQLite needs before ON CONFLICT.
_ENTER: Final = text(f"""
    INSERT INTO edge_item (edge, kind, id, rev, gone)
    SELECT e.id, i.kind, i.id, i.rev, :no FROM item i JOIN edge e ON e.community = i.community
    WHERE i.community = :community AND i.rev = :rev AND i.body IS NOT NULL AND {_SEES}
    ON CONFLICT (edge, kind, id) DO UPDATE SET rev = excluded.rev, gone = excluded.gone
""")  # noqa: S608  # made of constants only

# What an edge saw, was changed, and was not entered again: it is gone there.
_LEAVE: Final = text("""
    UPDATE edge_item SET rev = :rev, gone = :yes
    WHERE gone = :no AND rev < :rev AND edge IN (SELECT id FROM edge WHERE community = :community)
      AND (kind, id) IN (SELECT kind, id FROM item WHERE community = :community AND rev = :rev)
""")

_ENTER_ONE: Final = text(f"""
    INSERT INTO edge_item (edge, kind, id, rev, gone)
    SELECT e.id, i.kind, i.id, :rev, :no FROM item i JOIN edge e ON e.community = i.community
    WHERE e.id = :edge AND i.body IS NOT NULL AND {_SEES}
    ON CONFLICT (edge, kind, id) DO UPDATE SET rev = excluded.rev, gone = excluded.gone
""")  # noqa: S608  # made of constants only

_LEAVE_ONE: Final = text(
    "UPDATE edge_item SET rev = :rev, gone = :yes WHERE edge = :edge AND gone = :no AND rev < :rev"
)


def changed(connection: Connection, community: str, rev: int) -> None:
    """The things of *community* at *rev* have been written: every edge that saw or sees one of them is told."""
    words = {"community": community, "rev": rev, "yes": True, "no": False}
    connection.execute(_ENTER, words)
    connection.execute(_LEAVE, words)


_LOSSES: Final = text("""
    SELECT sum(CASE WHEN i.gone THEN 1 ELSE 0 END) AS lost, count(*) AS there
    FROM edge_item i JOIN edge e ON e.id = i.edge
    WHERE e.community = :community AND NOT e.whole AND i.kind = 'credential'
      AND (NOT i.gone OR i.rev = :rev)
    GROUP BY i.edge
""")


def losses(connection: Connection, community: str, rev: int) -> list[tuple[int, int]]:
    """Of each edge that sees some buildings only: how many credentials go there at *rev*, and how many there were."""
    rows = connection.execute(_LOSSES, {"community": community, "rev": rev})
    return [(int(row.lost), int(row.there)) for row in rows if row.lost]


def rescoped(connection: Connection, edge: str, rev: int) -> None:
    """*edge* sees other buildings from *rev* on, or is new."""
    words = {"edge": edge, "rev": rev, "yes": True, "no": False}
    connection.execute(_ENTER_ONE, words)
    connection.execute(_LEAVE_ONE, words)
