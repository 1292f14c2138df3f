"""The function around a line is found in the ways that languages are written."""

import pytest

from bot.review.scope import head_of, indent_of


def around(code: str) -> str | None:
    """The line that begins what the line with `@@` is in."""
    lines = code.split("\n")
    at = next(number for number, line in enumerate(lines, 1) if "@@" in line)
    head = head_of(lines, at, indent_of(lines[at - 1]))
    return None if head is None else lines[head - 1].strip()


@pytest.mark.parametrize(
    ("code", "head"),
    [
        ("def outer():\n    def inner():\n        x\n    if y:\n        @@", "def outer():"),
        ("class A:\n    def f(self):\n        pass\n\n    x = @@", "class A:"),
        ("def f(\n    a,\n    b,\n):\n    @@", "def f("),
        ("def a():\n    pass\n\nx = @@", None),
        ("async def f():\n    try:\n        @@", "async def f():"),
        ("void f(int a)\n{\n    if (a)\n    {\n        @@", "void f(int a)"),
        ("void f(int a) {\n#ifdef X\n    if (a) {\n        @@", "void f(int a) {"),
        ("class A\n{\n    public int F(int a)\n    {\n        @@", "public int F(int a)"),
        ("class A {\n  public int f(int a) throws X {\n    @@", "public int f(int a) throws X {"),
        ("func (s *Server) Handle(w W) {\n\tfor {\n\t\t@@", "func (s *Server) Handle(w W) {"),
        (
            "impl Foo for Bar {\n    pub(crate) async fn x(&self) -> u8 {\n        @@",
            "pub(crate) async fn x(&self) -> u8 {",
        ),
        ("const f = async (a) => {\n  return @@", "const f = async (a) => {"),
        ('describe("a", () => {\n  test("x", () => {\n    @@', 'test("x", () => {'),
        ("module A\n  class B\n    def c\n      @@", "def c"),
        ("f() {\n  echo @@", "f() {"),
        (
            "CREATE OR REPLACE FUNCTION f() RETURNS int AS $$\nBEGIN\n  RETURN @@",
            "CREATE OR REPLACE FUNCTION f() RETURNS int AS $$",
        ),
        ("switch (a) {\ncase 1:\n    @@", None),
        ("  x\n    @@", None),
        ("    @@", None),
    ],
)
def test_what_a_line_is_in_is_found(code: str, head: str | None) -> None:
    assert around(code) == head


@pytest.mark.parametrize("line", ["f(" + ")" + " " * 10**4 + "x", " a" * 10**4, "static " * 10**4, "a(" * 10**4])
def test_a_line_that_somebody_made_long_is_looked_at_no_longer(line: str) -> None:
    lines = ["def f():", *[f"  {line}"] * 30, "    @@"]  # read in every way there is, these would take hours
    assert head_of(lines, len(lines), 4) in (None, 1, len(lines) - 1)
