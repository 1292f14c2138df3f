"""From raw orders to a report that can be read: a module a stage."""
