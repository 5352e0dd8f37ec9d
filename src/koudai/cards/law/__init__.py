"""The law of a programme's pack in the path of every command on its cards."""
