"""The messages of a race: their encoding, and recordings of them."""
