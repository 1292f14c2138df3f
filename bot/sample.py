"""The demo's repository: a small shop, an issue that asks for more, and what the played model does about it."""

from bot.emulator.model import Answer, Bash, Edit, Plan, Read, Say, Script

NAME = "acme/shop"
_CONFIGURED = ".github/tutti.yml"
FILES = {
    _CONFIGURED: "version: 1\nreview:\n  tiers:\n    - name: demo\n      agents: [correctness, security]\n",
    "README.md": "# Shop\n\nA cart that knows what it costs.\n",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-p no:aiohttp -p no:asyncio -p no:cacheprovider"\n',
    "shop/__init__.py": '"""A small shop."""\n',
    "shop/cart.py": '''"""The cart: what a customer wants to buy."""


class Cart:
    """Amounts are whole cents."""

    def __init__(self) -> None:
        self._prices: list[int] = []

    def add(self, price: int, count: int = 1) -> None:
        self._prices += [price] * count

    def total(self) -> int:
        return sum(self._prices)
''',
    "tests/test_cart.py": """from shop.cart import Cart


def test_an_empty_cart_costs_nothing() -> None:
    assert Cart().total() == 0


def test_the_total_is_the_sum() -> None:
    cart = Cart()
    cart.add(250, count=2)
    cart.add(199)
    assert cart.total() == 699
""",
}
TITLE = "Give regular customers a discount"
BODY = """`Cart.total()` should take a discount in per cent: `cart.total(discount=10)`.

- Without a discount nothing changes.
- The result is whole cents, and half a cent is rounded up: 30 % off 105 cents is 74 cents.
"""

_TEST = """

def test_a_discount_is_taken_off_and_half_a_cent_rounded_up() -> None:
    cart = Cart()
    cart.add(105)
    assert cart.total(discount=30) == 74
"""
_BEFORE = """    def total(self) -> int:
        return sum(self._prices)
"""
_FIRST = """    def total(self, discount: int = 0) -> int:
        return int(sum(self._prices) * (1 - discount / 100))
"""
_SECOND = '''    def total(self, discount: int = 0) -> int:
        """The sum, less `discount` per cent; half a cent is rounded up."""
        return (sum(self._prices) * (100 - discount) + 50) // 100
'''
_LAST = """    cart.add(199)
    assert cart.total() == 699
"""
_WORDS = """`Cart.total()` takes a discount in per cent. It counts in whole cents throughout: the first try went
through a floating-point number, which lost the half cent that has to be rounded up.

```json
{"title": "Add a discount to the cart's total", "commits": [
  {"message": "feat(cart): take a discount off the total", "paths": ["shop/cart.py"]},
  {"message": "test(cart): hold the discount and its rounding", "paths": ["tests/test_cart.py"]}]}
```
"""
_PLAN = ("Read the cart and its tests", "Add the discount", "Test the rounding")

SCRIPTS = (
    Script(
        ("This is try 2 of 3",),
        (
            (Say("The half cent is lost in a float. I look at the code again."), Read("shop/cart.py")),
            (Edit("shop/cart.py", _FIRST, _SECOND),),
            (Bash("python -m pytest -q"),),
            (Say(_WORDS),),
        ),
    ),
    Script(
        (TITLE,),
        (
            (Say("I read the cart and its tests first."), Plan(_PLAN)),
            (Read("shop/cart.py"), Read("tests/test_cart.py")),
            (Edit("shop/cart.py", _BEFORE, _FIRST), Plan(_PLAN, done=1)),
            (Edit("tests/test_cart.py", _LAST, _LAST + _TEST), Plan(_PLAN, done=3)),
            (Say("The discount is there, and a test for its rounding."),),
        ),
    ),
)


_FOUND = {
    "path": "shop/cart.py",
    "start_line": 13,
    "end_line": 13,
    "side": "new",
    "severity": "minor",
    "confidence": 0.85,
    "category": "correctness",
    "title": "A discount above 100 makes the total negative",
    "body": "`total(discount=150)` of 100 cents is -50: nothing bounds `discount`. Refuse what is not 0 to 100.",
    "evidence": "    def total(self, discount: int = 0) -> int:",
    "suggestion": None,
}
_STANDS = {"id": "1", "refuted": False, "reason": "Nothing checks the argument."}

REVIEW_SCRIPTS = (  # before those of the implementation: these prompts quote the pull request, and so the issue
    Script(("Review whether a pull request",), ((Read("shop/cart.py"),), (Answer({"findings": [_FOUND]}),))),
    Script(("These remarks were made on",), ((Answer({"verdicts": [_STANDS]}),),)),
    Script(("Review the security of",), ((Answer({"findings": []}),),)),
)


def configuration(usd: float) -> dict[str, str]:
    """The repository's own limit, for the real model."""
    return {_CONFIGURED: f"{FILES[_CONFIGURED]}limits:\n  usd: {usd:g}\n"}
