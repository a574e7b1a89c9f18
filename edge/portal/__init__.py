"""The residents' app: who was let in, who is there, who is rung, and what each may see and open."""
