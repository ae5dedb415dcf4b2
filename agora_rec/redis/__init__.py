"""What all that speaks with a Redis or Valkey server shares: its address, and one way of connecting to it.

Knows nothing of what is kept there: that stands with the budget and the store.
"""
