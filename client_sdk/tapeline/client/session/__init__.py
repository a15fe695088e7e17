"""Opening sessions: own prekeys, the stock of vault receipts, the record, and when a session ends."""
