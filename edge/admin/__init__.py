"""Every change to the store: check, write, note what changed, audit row, one transaction."""
