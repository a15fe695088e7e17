"""The relay's logic: what is accepted, in which order, and what is delivered to whom."""
