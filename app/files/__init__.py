"""The files of `answerloop run FILE`: questions in, results and rejected rows out.

Nothing here keeps a whole file in memory, and nothing here knows Faust, the settings or the store.
"""

from app.files.detect import Format, detect_format
from app.files.read import count_rows, read_questions
from app.files.rejects import RejectsFile, write_rejects
from app.files.rows import BadRow, QuestionRow
from app.files.write import check_results_path, write_results

__all__ = [
    "BadRow",
    "Format",
    "QuestionRow",
    "RejectsFile",
    "check_results_path",
    "count_rows",
    "detect_format",
    "read_questions",
    "write_rejects",
    "write_results",
]
