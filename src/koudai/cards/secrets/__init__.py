"""What a card is proven by without its number: PINs and rotating pay codes."""
