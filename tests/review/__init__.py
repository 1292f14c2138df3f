"""What reviews are made of: answers, places, suggestions, the ledger."""
