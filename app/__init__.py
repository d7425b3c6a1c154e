"""answerloop asks language models questions until the answers pass, and never loses one."""

__version__ = "0.1.0"
