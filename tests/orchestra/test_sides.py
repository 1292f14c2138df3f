"""What an agent is told of two sides of a conflict."""

from bot.orchestra.sides import without_binaries

PATCH = """diff --git a/a.png b/a.png
index 1234567..89abcde 100644
GIT binary patch
delta 5
Mc${NkU|;|M00aO5

delta 5
Mc${NkU|;|M00aO5

diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -1 +1 @@
-GIT
+git
"""


def test_of_a_patch_nobody_reads_what_is_no_text() -> None:
    told = without_binaries(PATCH)
    assert told.startswith("diff --git a/a.png b/a.png\nindex 1234567..89abcde 100644\n(binary)\ndiff --git a/a.txt")
    assert told.endswith("-GIT\n+git\n")
