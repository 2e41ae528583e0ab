"""What tools compute with: formats, tables, expressions, schemas, and when values are equal."""
