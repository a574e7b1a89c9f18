"""Write the next revision from what differs: ``python -m edge.store.migrations 0002 "cameras have a zone"``."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from edge.store.migrations.configuration import alembic_config


def main(revision: str, message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'old.db'}")
        with engine.begin() as connection:
            config = alembic_config(connection)
            command.upgrade(config, "head")
            command.revision(config, message, autogenerate=True, rev_id=revision)


if __name__ == "__main__":
    main(*sys.argv[1:])
