"""What the graph of a workflow is made of, as plain data: its instances, its order, who owns a path, what jobs say."""
