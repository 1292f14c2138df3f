"""What must hold of the data and of what is made of it."""
