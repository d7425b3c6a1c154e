"""The `answerloop` command: one file for each group of commands, loaded when it is used."""
