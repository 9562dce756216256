"""What a race says while it runs: the encoding of its messages, and recordings of them."""
