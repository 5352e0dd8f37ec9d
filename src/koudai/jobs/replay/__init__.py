"""The replay: a retailer's year of invoices, played through the programmes as if it happened now."""
