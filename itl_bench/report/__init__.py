"""Pages made from one record alone. Only run imports it."""
