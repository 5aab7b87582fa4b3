"""Tables of pandas, polars and Arrow as the model's inputs; none of these libraries is imported here."""
