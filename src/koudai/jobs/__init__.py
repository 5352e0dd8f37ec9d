"""Long work: today the replay of a retailer's year; schedules and the outbox relay will stand here."""
