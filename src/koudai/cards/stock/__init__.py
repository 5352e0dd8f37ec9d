"""Physical cards: from their printing to their sale at a till."""
