"""How cards last: from activation through renewal and reminders to their closing."""
