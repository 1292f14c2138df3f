"""What people are written."""

# smell: the same three lines twice


def confirmed(name: str, show: str) -> str:
    text = "Dear " + name + ",\n\n"
    text += "your tickets for " + show + " are booked.\n\n"
    text += "The theatre"
    return text


def cancelled(name: str, show: str) -> str:
    text = "Dear " + name + ",\n\n"
    text += "your tickets for " + show + " are cancelled.\n\n"
    text += "The theatre"
    return text
