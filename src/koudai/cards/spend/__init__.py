"""How cards pay: at once, by holds, with baskets and cashback; and how goods come back."""
