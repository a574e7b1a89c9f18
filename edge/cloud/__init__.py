"""The edge side of sync: what the central store says is checked and applied, what happened here goes up."""
