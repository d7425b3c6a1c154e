"""`python -m app.fake_llm` is `answerloop fake-llm`."""

from __future__ import annotations

import sys

from app.cli.main import main

if __name__ == "__main__":
    main(["fake-llm", *sys.argv[1:]])
