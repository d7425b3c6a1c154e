"""The files of `answerloop run FILE`: questions in, results and rejected rows out.

Nothing here keeps a whole file in memory, and nothing here knows Faust, the settings or the store.
"""

from app.files.detect import Format, detect_format
from app.files.layout import ENCODINGS, Layout
from app.files.read import check_file, count_rows, has_references, read_questions
from app.files.rejects import RejectsFile, write_rejects
from app.files.rows import BadRow, QuestionRow
from app.files.write import check_results_path, write_results

__all__ = [
    "ENCODINGS",
    "BadRow",
    "Format",
    "Layout",
    "QuestionRow",
    "RejectsFile",
    "check_file",
    "check_results_path",
    "count_rows",
    "detect_format",
    "has_references",
    "read_questions",
    "write_rejects",
    "write_results",
]
