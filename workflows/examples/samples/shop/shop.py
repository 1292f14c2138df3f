"""The page of a cart, from the backend's numbers."""

from backend.cart import total
from frontend.page import page

if __name__ == "__main__":
    print(page(total([("tea", 450), ("cake", 320)])))
