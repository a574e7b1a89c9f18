"""The reference central store: many communities, and what each edge may see of them."""
