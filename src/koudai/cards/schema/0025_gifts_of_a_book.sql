-- The gifts of a book are listed oldest first, and found by book.
CREATE INDEX gifts_by_book ON cards.gifts (book, batch_id, ordinal);
