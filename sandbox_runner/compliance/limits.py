"""What an upload may hold. Numbers only; the reasons stand in the sandbox study, sections 8.1 and 8.3."""

KIB = 1024
MIB = 1024 * KIB

MAX_ARCHIVE_BYTES = 2 * MIB  # the zip itself
MAX_TOTAL_BYTES = 8 * MIB  # all files, unpacked
MAX_FILE_BYTES = 1 * MIB
MAX_FILES = 200
MAX_ENTRIES = 1000  # also counts folders and what is skipped
MAX_RATIO = 100  # unpacked to packed, for each file
MAX_DEPTH = 6  # folders and file of one path
MAX_PATH = 100  # characters; one plain tar header holds it
MAX_SEGMENT = 101

MAX_SOURCE_BYTES = 1 * MIB  # all Python files together; the largest known submission has a quarter of it
MAX_SYNTAX_NODES = 200_000  # of one Python file; the largest known file has about a tenth of it
MAX_DOCUMENT_BYTES = 256 * KIB  # one JSON file
MAX_INFO_BYTES = 16 * KIB  # submission_info.yml
MAX_DOCUMENT_DEPTH = 8
MAX_FINDINGS_PER_CHECK = 40

CHILD_MEMORY_BYTES = 512 * MIB
CHILD_CPU_S = 20
CHILD_WALL_S = 30
