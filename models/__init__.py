"""Values the rules speak (this folder) and what is stored (`models.tables`)."""
