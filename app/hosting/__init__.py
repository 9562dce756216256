"""What a server among strangers needs: who may come in, what its host sees, how it ends."""
